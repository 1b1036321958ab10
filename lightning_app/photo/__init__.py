"""How does a photograph of a digit become an image like those a network has learned from?"""
