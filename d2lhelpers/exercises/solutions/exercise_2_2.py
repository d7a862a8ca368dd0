def diagnose(shallow_train, shallow_test, deep_train, deep_test):
    # answer
    if deep_train > shallow_train:
        return "degradation"
    if deep_test > shallow_test:
        return "over-fitting"
    return "depth helps"
    # end of answer
