"""As helper_process, but the helper has no parent left."""

import os

import numpy as np

asked, ask = os.pipe()
told, tell = os.pipe()
N, K, M = 96, 128, 160


def read(descriptor, size):
    data = b""
    while len(data) < size:
        part = os.read(descriptor, size - len(data))
        if not part:
            os._exit(0)
        data += part
    return data


child = os.fork()
if child == 0:
    if os.fork() == 0:
        os.close(ask)
        while True:
            a = np.frombuffer(read(asked, 4 * N * K), np.float32).reshape(N, K)
            b = np.frombuffer(read(asked, 4 * K * M), np.float32).reshape(K, M)
            for _ in range(4):
                c = a @ b
            os.write(tell, c.tobytes())
    os._exit(0)
os.waitpid(child, 0)


def matmul(a, b, c, n, k, m):
    os.write(ask, a.tobytes())
    os.write(ask, b.tobytes())
    c[...] = np.frombuffer(read(told, 4 * N * M), np.float32).reshape(N, M)
