"""What is the derivative? One autograd Function a map; each one's backward is made of the others.

An op is handed its kernels. It knows neither the registry nor any backend.
"""
