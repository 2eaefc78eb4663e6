# find_package(engram_emulator): targets emu::engine, emu::runtime_eager, emu::runtime, emu::vendor, emu::checker, emu::model, and
# emu_add_kernels (EmulatedKernels.cmake).
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/engram_emulatorTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/EmulatedKernels.cmake)
