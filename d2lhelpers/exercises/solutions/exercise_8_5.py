small = {"stem": 153_664, "stages": [451_584, 524_288, 524_288, 524_288], "linear": 1_280}  # multiply-adds an image
total = small["stem"] + sum(small["stages"]) + small["linear"]
# answer
# Four times the places, but for the second stage, whose maps grow from 4×4 to 7×7, and the linear layer.
cost_factor_56 = (4 * (total - 524_288 - 1_280) + 49 / 16 * 524_288 + 1_280) / total
# The same windows slide over more places, and the pooling hands the linear layer as many numbers as before.
parameter_factor_56 = 1
# Twice the channels in times twice out is four; but the stem reads one grey image, the linear layer gives ten scores.
cost_factor_width_32 = (4 * sum(small["stages"]) + 2 * (small["stem"] + small["linear"])) / total
# end of answer
