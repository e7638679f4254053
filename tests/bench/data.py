"""Files as people have them: small texts, photographs and copies of some, logs."""

import random
import shutil

MIB = 1 << 20


class Data:
    """A gibibyte in 20,000 files, or a share of that; the same at each run."""

    def __init__(self, folder, share):
        self.folder = folder
        self.chance = random.Random(1)
        self.words = [self.chance.randbytes(4).hex() for _ in range(4096)]
        self.files, self.bytes = 0, 0
        self.make(share)

    def make(self, share):
        for number in range(int(19_800 * share)):
            self.write(f"texts/{number % 200:03}/{number}.txt", self.text(self.chance.randrange(500, 18_000)))
        for number in range(int(150 * share) or 1):
            self.write(f"photographs/{number}.jpg", self.chance.randbytes(3 * MIB))
        for number in range(int(40 * share)):
            shutil.copy(self.folder / f"photographs/{number}.jpg", self.folder / f"photographs/copy of {number}.jpg")
            self.files, self.bytes = self.files + 1, self.bytes + 3 * MIB
        for number in range(int(10 * share) or 1):
            self.write(f"logs/{number}.log", self.text(16 * MIB))

    def text(self, length):
        return " ".join(self.chance.choices(self.words, k=length // 9 + 1)).encode()[:length]

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.files, self.bytes = self.files + 1, self.bytes + len(content)
