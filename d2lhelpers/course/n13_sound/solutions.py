# Exercise 13.1

num_frames = 1 + 4800 // 96  # answer
bin_width = 8000 / 512  # answer
# answer
# mel(1000) / (mel(4000) / 41) is 19.1: half of the bands get the lowest quarter of the frequencies, where the ear
# is fine and vowels differ.
bands_below_1000 = 19
# end of answer
my_reason = "b"  # answer


# Exercise 13.2

def with_noise(wave, decibels, generator):
    """The wave, (samples,), with white noise whose power lies so many decibels below its own."""
    # answer
    noise = torch.randn(wave.shape, generator=generator)
    power = wave.square().mean() / 10 ** (decibels / 10)
    return wave + noise * (power / noise.square().mean()).sqrt()  # power goes with the square of the size
    # end of answer


# Exercise 13.3

def split_by_speaker(voices, speaker_of, held_out):
    """Positions of the recordings to train on, and of those whose speaker is held out."""
    # answer
    is_out = [speaker_of[voice] in held_out for voice in voices]
    return [i for i, out in enumerate(is_out) if not out], [i for i, out in enumerate(is_out) if out]
    # end of answer


my_question = "c"  # answer


# Exercise 13.4

def worst_confusion(digits, predicted):
    """The most frequent mistake as (digit, taken_for, count), or None if there is none."""
    # answer
    mistakes = confusion(digits, predicted).fill_diagonal_(0)
    if mistakes.sum() == 0:
        return None
    digit, taken_for = divmod(mistakes.argmax().item(), 10)
    return digit, taken_for, mistakes[digit, taken_for].item()
    # end of answer
