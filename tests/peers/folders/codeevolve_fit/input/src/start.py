# EVOLVE-BLOCK-START
def weights():
    return [0.2, 0.3, 0.5]
# EVOLVE-BLOCK-END
