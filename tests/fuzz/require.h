#pragma once
/// A check that stays in release builds and stops a fuzzer at the input that broke it.

#include <cstdio>
#include <cstdlib>

#define ENGRAM_REQUIRE(condition)                                                   \
  do {                                                                              \
    if (!(condition)) {                                                             \
      std::fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                 \
    }                                                                               \
  } while (false)
