"""What the programs here learn from. Twin of data.js: the same numbers in the same order."""
import gzip
import math
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parents[2] / "data/fashion-mnist"


def clothing(part, count, shape=(1, 28, 28)):
    """The first `count` images of Fashion-MNIST's part 'train' or 't10k' in [0, 1], and their classes."""
    read = lambda kind, header: torch.frombuffer(
        bytearray(gzip.open(FOLDER / f"{part}-{kind}-ubyte.gz").read()), dtype=torch.uint8, offset=header
    )
    images, labels = read("images-idx3", 16).reshape(-1, *shape), read("labels-idx1", 8)
    return images[:count].float() / 255, labels[:count].long()


def lehmer(seed):
    """Lehmer's generator (Park and Miller, 1988), which is exact in both languages: numbers in (0, 1)."""
    state = seed
    while True:
        state = state * 48271 % 2147483647
        yield state / 2147483647


ALPHABET = "abcdefghijklmnopqrstuvwxyz ."


def sentences(count, seed):
    """Sentences in which a verb agrees with its noun, as numbers, and the least possible mean loss."""
    numbers, nats = lehmer(seed), 0.0

    def choose(*choices):
        nonlocal nats
        nats += math.log(len(choices))
        return choices[int(next(numbers) * len(choices))]

    def noun():
        end = choose("", "s")
        words = f"{choose('the', 'some', 'no')} {choose('', 'old ', 'small ', 'happy ', 'quiet ')}"
        return f"{words}{choose('dog', 'cat', 'bird', 'teacher', 'farmer', 'sailor')}{end}", end

    def verb(end):
        word = choose("see", "chase", "know", "hear", "follow", "like")
        return word if end == "s" else f"{word}s"

    def sentence():
        subject, end = noun()
        clause = ""
        if choose(False, True):
            other, other_end = noun()
            clause = f" that {other} {verb(other_end)}"
        return f"{subject}{clause} {verb(end)} {noun()[0]}. "

    text = "".join(sentence() for _ in range(count))
    return torch.tensor([ALPHABET.index(character) for character in text]), nats / len(text)


def waves(count, seed):
    """Waves of four forms with noise, each 64 samples, and their forms."""
    numbers = lehmer(seed)
    forms = [
        lambda turn: math.sin(2 * math.pi * turn),
        lambda turn: 1 if turn < 0.5 else -1,
        lambda turn: 1 - 4 * abs(turn - 0.5),
        lambda turn: 2 * turn - 1,
    ]
    data = []
    for i in range(count):
        period, phase = 8 + 24 * next(numbers), next(numbers)
        for t in range(64):
            noise = next(numbers) + next(numbers) + next(numbers) - 1.5
            data.append(forms[i % 4]((phase + t / period) % 1) + noise)
    return torch.tensor(data).reshape(count, 64, 1), torch.arange(count) % 4


def energy(a, b):
    """The energy distance of two samples, which is 0 for the same distribution."""
    distance = lambda a, b: torch.cdist(a, b).mean().item()
    return 2 * distance(a, b) - distance(a, a) - distance(b, b)
