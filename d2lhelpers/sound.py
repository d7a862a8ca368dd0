"""Spoken digits: recordings, and the log-mel spectrograms that are made of them."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

DATA_FOLDER = Path(__file__).parent / "data" / "spoken_digits"
SAMPLE_RATE = 8000  # samples/s; that of telephones, and of the slowest of our sources
NUM_BANDS, NUM_FRAMES = 40, 64  # of a spectrogram
HOP = 96  # samples from frame to frame: 12 ms
WINDOW, NUM_POINTS = 200, 512  # samples of a frame, 25 ms; of its Fourier transform
RANGE = 50.0  # decibels, from the loudest place down

PARTS = ("train", "unheard", "choose", "test", "person")
FILE_NAME = re.compile(r"(\d)_([^_]+)_(\d+)\.wav", flags=re.IGNORECASE)


class Recordings(NamedTuple):
    """Spoken digits.

    Attributes
    ----------
    waves : list of torch.Tensor
        Each of shape (samples,), float32, from -1 to 1, `SAMPLE_RATE` samples a second.
    digits : torch.Tensor
        What is said, of shape (recordings,), int64.
    voices : list of str
        Whose voice it is.
    """

    waves: list[torch.Tensor]
    digits: torch.Tensor
    voices: list[str]


def read_spoken_digits(part: str) -> Recordings:
    """Return the recordings of one part of the course's spoken digits.

    Parameters
    ----------
    part : str
        ``"train"`` and ``"unheard"`` are made by one synthesizer (eSpeak NG), with different voices; ``"choose"`` and
        ``"test"`` by others, built from recordings of people; ``"person"`` are a person's ten digits. Who they all are
        is in ``data/spoken_digits/LICENSE.md``.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"there are the parts {', '.join(PARTS)}; got {part!r}")
    sound, _ = _read_sound(DATA_FOLDER / f"{part}.flac")
    with open(DATA_FOLDER / "index.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == part]
    cuts = np.cumsum([int(row["samples"]) for row in rows])[:-1]
    waves = [torch.from_numpy(wave.copy()) for wave in np.split(sound, cuts)]
    return Recordings(waves, torch.tensor([int(row["digit"]) for row in rows]), [row["voice"] for row in rows])


def read_recordings(folder: str | Path) -> Recordings:
    """Return recordings of your own: ``<digit>_<speaker>_<number>.wav``, at any sample rate, mono or stereo.

    Channels are averaged, the rate becomes `SAMPLE_RATE`, and the silence before and after is cut off.

    Parameters
    ----------
    folder : str or pathlib.Path
        Files with other names are passed over. If there is no such folder, there are no recordings.

    Raises
    ------
    ValueError
        If a file is silent or cannot be read; the message names it.
    """
    found = sorted(path for path in Path(folder).glob("*") if FILE_NAME.fullmatch(path.name))
    waves, digits, voices = [], [], []
    for path in found:
        try:
            waves.append(torch.from_numpy(trim(resample(*_read_sound(path)))))
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{path.name} is no recording of a spoken digit: {error}") from error
        digit, speaker, _ = FILE_NAME.fullmatch(path.name).groups()
        digits.append(int(digit))
        voices.append(speaker)
    return Recordings(waves, torch.tensor(digits, dtype=torch.int64), voices)


def _read_sound(path: Path) -> tuple[np.ndarray, int]:
    """Return a sound of shape (samples,), float32, its channels averaged, and its sample rate."""
    import soundfile

    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return sound.mean(axis=1), rate


def resample(wave: np.ndarray, rate: int) -> np.ndarray:
    """Return a wave of shape (samples,), taken `rate` times a second, at `SAMPLE_RATE`; what is too high goes."""
    if rate == SAMPLE_RATE:
        return wave
    from scipy.signal import resample_poly

    common = math.gcd(rate, SAMPLE_RATE)
    return resample_poly(wave, SAMPLE_RATE // common, rate // common).astype(np.float32)


def trim(wave: np.ndarray, decibels: float = 30) -> np.ndarray:
    """Cut off what comes before and after the word: whatever is so many decibels below the loudest 20 ms.

    Parameters
    ----------
    wave : numpy.ndarray
        Of shape (samples,), at `SAMPLE_RATE`.
    decibels : float
        How far below the loudest frame silence begins. A margin of 20 ms stays on both sides.

    Raises
    ------
    ValueError
        If there is nothing to hear.
    """
    frame = SAMPLE_RATE // 50
    frames = np.pad(wave, (0, -len(wave) % frame)).reshape(-1, frame)
    power = (frames**2).mean(axis=1)
    if not len(power) or not 0 < power.max() < math.inf:
        raise ValueError("there is nothing to hear")
    (loud,) = np.nonzero(power > power.max() / 10 ** (decibels / 10))
    return wave[max(0, loud[0] - 1) * frame : (loud[-1] + 2) * frame]


def mel(frequency: torch.Tensor | float) -> torch.Tensor:
    """Return the pitch in mel of a frequency in Hz: about even up to 700 Hz, then even in octaves.

    References
    ----------
    D. O'Shaughnessy, *Speech Communication: Human and Machine*, 1987: 2595 log10(1 + f / 700).
    """
    return 2595 * torch.log10(1 + torch.as_tensor(frequency, dtype=torch.float64) / 700)


def mel_filters(num_bands: int = NUM_BANDS, num_points: int = NUM_POINTS) -> torch.Tensor:
    """Return triangles, evenly spaced in mel from 0 Hz to half the sample rate, each as high as 1.

    Returns
    -------
    torch.Tensor
        What each band takes of each frequency of a Fourier transform of `num_points` samples: (bands, frequencies).
    """
    frequencies = mel(torch.linspace(0, SAMPLE_RATE / 2, num_points // 2 + 1))
    edges = torch.linspace(0, mel(SAMPLE_RATE / 2).item(), num_bands + 2, dtype=torch.float64)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp_min(0).float()


def log_mel(wave: torch.Tensor) -> torch.Tensor:
    """Return the log-mel spectrogram of a wave of shape (samples,): (bands, frames), from 0 to 1.

    1 is the loudest place, 0 is 50 dB below it or less. A short word has quiet on both sides; of one longer than 0.77
    seconds the middle is taken. The wave is at `SAMPLE_RATE`, and on the CPU.
    """
    spectrum = torch.stft(
        wave, NUM_POINTS, HOP, WINDOW, torch.hann_window(WINDOW), pad_mode="constant", return_complex=True
    )
    power = mel_filters() @ spectrum.abs().square()  # (bands, frames)
    decibels = 10 * torch.log10(power / power.max() + 1e-10)
    missing = NUM_FRAMES - decibels.shape[1]
    return F.pad(1 + decibels.clamp_min(-RANGE) / RANGE, (missing // 2, missing - missing // 2))
