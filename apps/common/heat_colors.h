#pragma once
/// The colour map of all heat maps.

#include <array>
#include <cstdint>

namespace engram::apps {

/// Red, green, blue.
using Rgb = std::array<std::uint8_t, 3>;

/// Colour of a value in [0, 1] (others are cut off): from dark violet over blue and green to bright yellow. Equal steps
/// of the value are equal distances in OKLab (Ottosson 2020), and the lightness rises throughout, so the map keeps its
/// order in grey and for people who do not tell red from green. NaN is a middle grey.
Rgb heat_color(double value);

}  // namespace engram::apps
