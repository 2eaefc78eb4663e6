#pragma once
/// Draws from beta distributions.

#include "engine/random.h"

namespace engram {

/// A number in [0, 1] of the beta distribution with parameters a, b > 0, drawn on the host: X / (X + Y) of two gamma
/// variables (Marsaglia and Tsang 2000). Takes a varying number of words from the generator.
double beta_draw(Generator& generator, double a, double b);

}  // namespace engram
