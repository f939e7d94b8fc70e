def height(x):
    return 4.0 - (x - 1.0) ** 2


best = height(0.25)
