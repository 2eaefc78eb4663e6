#pragma once
/// How much a test does where sanitizers make everything ten times slower. They look at memory, not at what is found:
/// the same code on fewer patients or draws is enough for them.

namespace engram::testing {

#ifdef ENGRAM_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// `usual` in ordinary builds, `fewer` under sanitizers.
constexpr int sample_size(int usual, int fewer) {
  return kSanitized ? fewer : usual;
}

}  // namespace engram::testing
