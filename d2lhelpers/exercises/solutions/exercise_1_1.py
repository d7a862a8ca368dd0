def is_safe(chain):
    # answer
    return all(m % k == 0 for k, m in zip(chain, chain[1:]))
    # end of answer
