def unnoticed_map(state):
    # answer
    # The variance where its root, the standard deviation, is meant: in a fresh net both are 1.
    return {name: value.sqrt() if name.endswith("running_var") else value for name, value in state.items()}
    # end of answer
