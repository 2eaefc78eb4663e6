# Warnings of every target of the project. ENGRAM_WERROR makes them errors (CI).
option(ENGRAM_WERROR "Treat warnings as errors" OFF)
add_library(engram_warnings INTERFACE)
target_compile_options(engram_warnings INTERFACE -Wall -Wextra -Wno-psabi -Wno-unknown-pragmas)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False positives of GCC 12 on string concatenation (GCC bug 105651).
  target_compile_options(engram_warnings INTERFACE -Wno-restrict)
endif()
if(ENGRAM_WERROR)
  target_compile_options(engram_warnings INTERFACE -Werror)
endif()
