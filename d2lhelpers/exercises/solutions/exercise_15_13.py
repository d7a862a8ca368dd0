diagnosis_13 = "b"  # answer


def test_signal(signal_after):
    # answer
    assert [float(signal_after(2.0, layers)) for layers in (0, 1, 3)] == [1, 2, 8]
    # end of answer
