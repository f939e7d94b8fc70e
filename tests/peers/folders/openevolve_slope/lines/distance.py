def distance(slope, offset, points):
    return sum(abs(slope * x + offset - y) for x, y in points) / len(points)
