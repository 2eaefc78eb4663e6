# The hand-written CUDA kernels: engram_cuda_kernels by nvcc, where it is found; engram_cuda_kernels_emulated and
# engram_cuda_kernels_checked (for the checker and the counters) by the host's compiler.
file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cu)
emu_add_kernels(engram_cuda_kernels_emulated SOURCES ${cuda_sources} LIBRARIES engram_kernels engram_warnings)
emu_add_kernels(engram_cuda_kernels_checked INSTRUMENTED SOURCES ${cuda_sources} LIBRARIES engram_kernels engram_warnings)
target_compile_options(engram_cuda_kernels_emulated PRIVATE $<$<CONFIG:Release>:-O2>)
if(ENGRAM_SANITIZE)
  target_compile_options(engram_cuda_kernels_emulated PRIVATE -O1)
endif()
set_target_properties(engram_cuda_kernels_emulated engram_cuda_kernels_checked PROPERTIES EXCLUDE_FROM_ALL ON)

if(ENGRAM_CUDA_FOUND)
  add_library(engram_cuda_kernels OBJECT ${cuda_sources})
  target_include_directories(engram_cuda_kernels PRIVATE ${PROJECT_SOURCE_DIR})
  # ptxas's warnings about spills are errors: every kernel fits its registers. What it says of each is kept for gate.ptxas.
  target_compile_options(engram_cuda_kernels PRIVATE -Xcompiler=-Wall,-Wextra,-Wno-psabi -Xptxas=-v,--warn-on-spills
                                                     $<$<BOOL:${ENGRAM_WERROR}>:-Werror=all-warnings>)
  set_property(TARGET engram_cuda_kernels
               PROPERTY CUDA_COMPILER_LAUNCHER ${PROJECT_SOURCE_DIR}/cmake/keep_ptxas_output ${CMAKE_CUDA_COMPILER_LAUNCHER})
  set_target_properties(engram_cuda_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON UNITY_BUILD OFF)
endif()
