"""Make the recordings in `d2lhelpers/data/spoken_digits` with the speech synthesizers of Debian.

    sudo apt-get install espeak-ng flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts \
        asterisk-core-sounds-en-wav
    python tools/spoken_digits.py

The LICENSE.md beside the recordings says which versions made them; others may sound a little different.
"""

from __future__ import annotations

import csv
import random
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from d2lhelpers.sound import DATA_FOLDER, SAMPLE_RATE, resample, trim

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = (
    "en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc",
)  # fmt: skip
# The variants that eSpeak NG calls m1, f1, ... and the ones on its second synthesizer, each with several accents.
VARIANTS = [f"m{i}" for i in range(1, 9)] + [f"f{i}" for i in range(1, 6)] + ["klatt", "klatt2", "klatt3", "klatt4"]
# The variants that its users contributed, each with one accent.
NAMED = (
    "Alicia Andrea Andy Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen adam anika "
    "announcer antonio aunty belinda benjamin boris caleb david ed edward grandma grandpa gustave iven john "
    "kaukovalta linda marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro shelby steph travis "
    "victor zac whisper whisperf"
).split()
UNHEARD = ("Hugo", "Jacky", "Michael", "adam", "boris", "ed", "grandma", "linda", "pablo", "steph", "zac", "caleb")
ASTERISK = Path("/usr/share/asterisk/sounds/en_US_f_Allison/digits")
FESTIVAL_VOICES = {"kal": "kal_diphone", "ked": "ked_diphone", "slt": "cmu_us_slt_arctic_hts"}
STRETCHES = (0.8, 1.0, 1.25)


class Take(NamedTuple):
    """A digit to be said: by which voice, and the program that says it."""

    part: str
    voice: str
    digit: int
    settings: str
    command: list[str]
    text: str


def espeak_takes() -> Iterator[Take]:
    """Every voice says the ten digits once, at a speed, a pitch and with an intonation of its own."""
    chance = random.Random(13)
    voices = [(accent, variant) for i, variant in enumerate(VARIANTS) for accent in (ACCENTS * 2)[i % 8 :][:8:2]]
    voices += [(ACCENTS[i % len(ACCENTS)], variant) for i, variant in enumerate(NAMED)]
    for accent, variant in voices:
        part = "unheard" if variant in UNHEARD else "train"
        for digit, word in enumerate(WORDS):
            speed, pitch, end = chance.randint(110, 230), chance.randint(15, 85), chance.choice(".?!,")
            command = ["espeak-ng", "-v", f"{accent}+{variant}", "-s", str(speed), "-p", str(pitch), "-w", "{path}"]
            settings = f"{speed} words/min, pitch {pitch}, intonation {end}"
            yield Take(part, f"espeak {accent} {variant}", digit, settings, [*command, word + end], "")


def flite_takes() -> Iterator[Take]:
    """Every voice says the ten digits at three speeds."""
    for name in ("kal", "kal16", "awb", "rms", "slt"):
        for stretch in STRETCHES:
            for digit, word in enumerate(WORDS):
                command = ["flite", "-voice", name, "--setf", f"duration_stretch={stretch}", "-t", word, "-o", "{path}"]
                yield Take(_part(name), f"flite {name}", digit, f"stretch {stretch}", command, "")


def festival_takes() -> Iterator[Take]:
    """The same with the other engine."""
    for name, full_name in FESTIVAL_VOICES.items():
        for stretch in STRETCHES:
            for digit, word in enumerate(WORDS):
                scheme = ["-eval", f"(voice_{full_name})", "-eval", f"(Parameter.set 'Duration_Stretch {stretch})"]
                command = ["text2wave", *scheme, "-o", "{path}"]
                yield Take(_part(name), f"festival {name}", digit, f"stretch {stretch}", command, word)


def person_takes() -> Iterator[Take]:
    """Allison Smith's ten digits."""
    for digit in range(10):
        command = ["cp", str(ASTERISK / f"{digit}.wav"), "{path}"]
        yield Take("person", "Allison Smith", digit, "", command, "")


def _part(name: str) -> str:
    """Keep one speaker on one side: kal is Kevin Lenzo, in three voices of two engines."""
    return "choose" if name.startswith("kal") else "test"


def record(take: Take) -> np.ndarray:
    """Let the program speak; return what it said, trimmed, its loudest sample at 0.9."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "take.wav")
        command = [part.replace("{path}", path) for part in take.command]
        subprocess.run(command, input=take.text, text=True, check=True, capture_output=True)
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    wave = trim(resample(sound.mean(axis=1), rate))
    return 0.9 * wave / np.abs(wave).max()


def main() -> None:
    """Record all takes, and write a file for each part and the index of them all."""
    takes = [*espeak_takes(), *flite_takes(), *festival_takes(), *person_takes()]
    with ThreadPoolExecutor(2) as pool:
        waves = list(pool.map(record, takes))
    DATA_FOLDER.mkdir(exist_ok=True)
    for part in sorted({take.part for take in takes}):
        ours = np.concatenate([wave for wave, take in zip(waves, takes) if take.part == part])
        soundfile.write(DATA_FOLDER / f"{part}.flac", ours, SAMPLE_RATE, subtype="PCM_16")
    with open(DATA_FOLDER / "index.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["part", "voice", "digit", "samples", "settings"])
        writer.writerows([t.part, t.voice, t.digit, len(w), t.settings] for t, w in zip(takes, waves))


if __name__ == "__main__":
    main()
