#pragma once
/// Which instruction set the kernels use that are written once for each: those whose vectors must fit the registers.
/// (ENGRAM_MULTIVERSION in simd.h is for the others.)

namespace engram::kernels {

enum class InstructionSet { kBaseline, kAvx2, kAvx512 };

/// The processor's best, unless that was forbidden.
InstructionSet instruction_set();

/// For tests of the other code paths: at most this one from now on, in the whole process. Results may differ in the
/// last bits. Prepared convolutions keep theirs (see conv2d_release).
void limit_instruction_set(InstructionSet most);

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ENGRAM_HAS_INSTRUCTION_SETS 1
#define ENGRAM_AVX2 __attribute__((target("arch=x86-64-v3")))    ///< a function for InstructionSet::kAvx2
#define ENGRAM_AVX512 __attribute__((target("arch=x86-64-v4")))  ///< and for kAvx512
#endif

/// The function `name`_avx512, _avx2 or _baseline that instruction_set() says.
#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
#define ENGRAM_BY_INSTRUCTION_SET(name)                         \
  (instruction_set() == InstructionSet::kAvx512 ? name##_avx512 \
   : instruction_set() == InstructionSet::kAvx2 ? name##_avx2   \
                                                : name##_baseline)
#else
#define ENGRAM_BY_INSTRUCTION_SET(name) name##_baseline
#endif

/// Defines the function `result name parameters`, which is `name`_lanes<V> arguments compiled for the processor's
/// instruction set, V being the vector of lanes.h that it has. Parameters and arguments stand in parentheses.
#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
#define ENGRAM_FOR_EACH_INSTRUCTION_SET(result, name, parameters, arguments) \
  result name##_baseline parameters {                                        \
    return name##_lanes<BaselineVector> arguments;                           \
  }                                                                          \
  ENGRAM_AVX2 result name##_avx2 parameters {                                \
    return name##_lanes<Avx2Vector> arguments;                               \
  }                                                                          \
  ENGRAM_AVX512 result name##_avx512 parameters {                            \
    return name##_lanes<Avx512Vector> arguments;                             \
  }                                                                          \
  result name parameters {                                                   \
    return ENGRAM_BY_INSTRUCTION_SET(name) arguments;                        \
  }
#else
#define ENGRAM_FOR_EACH_INSTRUCTION_SET(result, name, parameters, arguments) \
  result name parameters {                                                   \
    return name##_lanes<BaselineVector> arguments;                           \
  }
#endif

}  // namespace engram::kernels
