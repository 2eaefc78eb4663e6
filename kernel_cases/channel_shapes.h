#pragma once
/// The shapes on which normalisation and the matching of its statistics are tried: few values a channel, rows that end
/// within a vector, chunks of several images and several chunks of an image, other blocks than 16.

#include <vector>

#include "kernel_cases/kernel_case.h"

namespace engram::cases {

inline std::vector<kernels::ActivationShape> channel_shapes(const CaseList& list) {
  return list.activations({{2, 1, 1, 1, 1},
                           {3, 3, 5, 7, 1},
                           {1, 3, 9, 11, 1},
                           {4, 16, 1, 1, 16},
                           {2, 16, 1, 1, 16},
                           {1, 16, 5, 3, 16},
                           {5, 48, 3, 3, 16},
                           {70, 48, 1, 3, 16},
                           {3, 48, 4, 4, 1},
                           {2, 16, 50, 43, 16},
                           {3, 32, 24, 20, 16},
                           {7, 6, 3, 5, 3},
                           {2, 64, 3, 5, 64},
                           {3, 64, 24, 20, 64},
                           {2, 80, 9, 7, 80}},
                          {{8, 16, 32, 32}, {4, 64, 32, 32}, {8, 128, 16, 16}, {8, 256, 8, 8}, {64, 512, 4, 4}},
                          {{16, 64, 16, 16}});
}

}  // namespace engram::cases
