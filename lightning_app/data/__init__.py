"""Where do images and labels come from, and in what order are they seen?"""
