powers_of_ten_110 = round(54 * math.log10(6))  # answer
