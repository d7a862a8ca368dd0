"""Spoken digits: the recordings are what the index says, and the spectrogram is what its formulas say."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import soundfile
import torch

from d2lhelpers.sound import (
    DATA_FOLDER,
    NUM_BANDS,
    NUM_FRAMES,
    PARTS,
    SAMPLE_RATE,
    log_mel,
    mel,
    mel_filters,
    read_recordings,
    read_spoken_digits,
    resample,
    trim,
)  # fmt: skip


def tone(frequency: float, seconds: float = 0.5, rate: int = SAMPLE_RATE) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate).astype(np.float32)


# The recordings


@pytest.mark.parametrize(
    "part, voices, each",
    [("train", 110, 10), ("unheard", 12, 10), ("choose", 3, 30), ("test", 5, 30), ("person", 1, 10)],
)
def test_every_voice_says_every_digit_equally_often(part, voices, each):
    recordings = read_spoken_digits(part)
    assert len(set(recordings.voices)) == voices
    assert len(recordings.waves) == len(recordings.digits) == len(recordings.voices) == voices * each
    said = {(voice, digit) for voice, digit in zip(recordings.voices, recordings.digits.tolist())}
    assert len(said) == voices * 10 and recordings.digits.bincount().unique().tolist() == [voices * each // 10]


@pytest.mark.parametrize("part", PARTS)
def test_the_recordings_are_trimmed_words_of_equal_loudness(part):
    for wave in read_spoken_digits(part).waves:
        assert wave.dtype == torch.float32 and 0.1 < len(wave) / SAMPLE_RATE < 1.5
        assert wave.abs().max().item() == pytest.approx(0.9, abs=1e-3)


def test_the_index_has_as_many_samples_as_the_files():
    with open(DATA_FOLDER / "index.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for part in PARTS:
        samples = sum(int(row["samples"]) for row in rows if row["part"] == part)
        assert soundfile.info(DATA_FOLDER / f"{part}.flac").frames == samples
    assert {row["part"] for row in rows} == set(PARTS)


def test_no_voice_and_no_speaker_is_in_two_parts():
    speakers = {
        part: {voice.split()[-1].removesuffix("16") for voice in read_spoken_digits(part).voices} for part in PARTS
    }
    assert speakers["choose"] == {"kal"} and speakers["test"] == {"awb", "rms", "slt", "ked"}
    assert not speakers["train"] & speakers["unheard"]


def test_the_data_is_small():
    assert sum(path.stat().st_size for path in DATA_FOLDER.iterdir()) < 8e6


def test_an_unknown_part_is_refused_with_the_list_of_those_there_are():
    with pytest.raises(ValueError, match="train, unheard, choose, test, person; got 'dev'"):
        read_spoken_digits("dev")


# Recordings of one's own


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_resampling_keeps_a_tone_and_removes_what_is_too_high(rate):
    kept = resample(tone(1000, rate=rate), rate)
    assert kept.dtype == np.float32 and abs(len(kept) - SAMPLE_RATE / 2) <= 1
    assert np.abs(kept - tone(1000)[: len(kept)])[100:-100].max() < 0.02
    if rate > 11025:
        assert np.abs(resample(tone(5000, rate=rate), rate)[100:-100]).max() < 0.02


def test_trimming_cuts_what_is_quiet_before_and_after_but_not_between():
    quiet = 0.001 * tone(300, 0.4)
    word = np.concatenate([tone(500, 0.2), quiet[:800], tone(700, 0.2)])
    trimmed = trim(np.concatenate([quiet, word, quiet]))
    assert len(word) <= len(trimmed) <= len(word) + 4 * SAMPLE_RATE // 50
    with pytest.raises(ValueError, match="nothing to hear"):
        trim(np.zeros(1000, dtype=np.float32))


def test_a_folder_of_recordings_is_read_whatever_their_rate_and_channels(tmp_path):
    silence = np.zeros(22050, dtype=np.float32)
    left = np.concatenate([silence, tone(440, 0.5, 44100), silence])
    soundfile.write(tmp_path / "7_ada_0.wav", np.stack([left, left], axis=1), 44100)
    soundfile.write(tmp_path / "3_bob_12.WAV", tone(440, 0.5, 16000), 16000)
    for name in ("notes.txt", "seven_ada_0.wav", "7_ada.wav"):
        (tmp_path / name).write_text("not a recording")
    recordings = read_recordings(tmp_path)
    assert recordings.digits.tolist() == [3, 7] and recordings.voices == ["bob", "ada"]
    for wave in recordings.waves:
        assert 0.5 <= len(wave) / SAMPLE_RATE <= 0.6
        assert log_mel(wave).shape == (NUM_BANDS, NUM_FRAMES)
    loudest = [log_mel(wave).mean(dim=1).argmax().item() for wave in recordings.waves]
    assert loudest[0] == loudest[1]


def test_without_a_folder_there_are_no_recordings(tmp_path):
    recordings = read_recordings(tmp_path / "none")
    assert recordings.waves == [] and recordings.digits.shape == (0,) and recordings.voices == []


@pytest.mark.parametrize("content", [b"no sound", None], ids=["no WAV", "silent"])
def test_a_file_that_is_no_recording_is_named(tmp_path, content):
    if content is None:
        soundfile.write(tmp_path / "1_eve_0.wav", np.zeros(800), 8000)
    else:
        (tmp_path / "1_eve_0.wav").write_bytes(content)
    with pytest.raises(ValueError, match="1_eve_0.wav is no recording of a spoken digit"):
        read_recordings(tmp_path)


# The spectrogram


def test_the_scale_is_the_closed_formula():
    assert mel(0).item() == 0
    assert mel(700).item() == pytest.approx(2595 * math.log10(2))
    assert mel(1000).item() == pytest.approx(1000, abs=0.1)  # which the scale is made for


def test_the_filters_are_triangles_evenly_spaced_in_mel():
    filters = mel_filters(num_points=2**14)  # finely sampled, so that the tops are met
    assert filters.shape == (NUM_BANDS, 2**13 + 1) and filters.min() == 0 and 0.9 < filters.max() <= 1
    tops = mel(filters.argmax(dim=1) * SAMPLE_RATE / 2**14)
    step = mel(SAMPLE_RATE / 2) / (NUM_BANDS + 1)
    assert torch.allclose(tops, step * torch.arange(1, NUM_BANDS + 1), atol=2)
    between = filters[:, (mel(torch.arange(2**13 + 1) * SAMPLE_RATE / 2**14) > step) & (torch.arange(2**13 + 1) < 7600)]
    assert torch.allclose(between.sum(dim=0), torch.ones(between.shape[1]), atol=1e-4)  # neighbors share each frequency
    assert mel_filters().sum(dim=1).min() > 0


@pytest.mark.parametrize("frequency", [150, 440, 1000, 2500, 3500])
def test_a_tone_lands_in_its_band(frequency):
    spectrogram = log_mel(torch.from_numpy(tone(frequency, 0.7)))
    step = mel(SAMPLE_RATE / 2) / (NUM_BANDS + 1)
    expected = round(float(mel(frequency) / step)) - 1
    middle = spectrogram[:, NUM_FRAMES // 2]
    assert abs(middle.argmax().item() - expected) <= 1
    assert middle[: max(0, expected - 5)].sum() + middle[expected + 6 :].sum() == 0


def test_neither_loudness_nor_a_short_wait_matters_much():
    wave = read_spoken_digits("person").waves[7]
    spectrogram = log_mel(wave)
    assert spectrogram.shape == (NUM_BANDS, NUM_FRAMES) and spectrogram.min() == 0 and spectrogram.max() == 1
    assert torch.allclose(spectrogram, log_mel(wave / 8), atol=1e-4)


def test_a_long_word_loses_both_ends_and_a_short_one_gets_quiet_on_both_sides():
    short = log_mel(torch.from_numpy(tone(440, 0.2)))
    heard = short.sum(dim=0).nonzero().flatten()
    assert abs((heard[0] + heard[-1]).item() - (NUM_FRAMES - 1)) <= 2
    assert log_mel(torch.from_numpy(tone(440, 2.0)))[:, [0, -1]].max() > 0.9
