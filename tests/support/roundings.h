#pragma once
/// Runs that hang on a rounding. A rectifier's input, or a difference of which the sign counts, may be nearer to zero
/// than float32's rounding; on the other side of zero all that follows moves by far more than rounding, and which side
/// it falls on differs between processors. So such a run is repeated on data with other last bits until it follows a
/// file of float64 in everything; a wrong formula follows with none.

#include <gtest/gtest-spi.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace engram::testing {

/// The values for a try: as they are in the first, number 0; in later ones a third, chosen by `name`, `seed` and the
/// number, is a last bit larger and a third smaller.
std::vector<float> rounded(std::vector<float> values, const std::string& name, std::uint64_t seed, int rounding);

/// Calls follow(rounding, misses) for the numbers from 0 until a call leaves no failed expectation in `misses`, 24
/// times at most. `follow` returns how far it came; the misses of the call that came furthest are reported, under
/// `what`, if none follows.
void expect_a_rounding_follows(
    const std::string& what,
    const std::function<std::size_t(int rounding, const ::testing::TestPartResultArray& misses)>& follow);

}  // namespace engram::testing
