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

}  // namespace engram::kernels
