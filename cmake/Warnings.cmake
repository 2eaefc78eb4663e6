# Warnings of every target of the project. ENGRAM_WERROR makes them errors (CI).
option(ENGRAM_WERROR "Treat warnings as errors" OFF)
add_library(engram_warnings INTERFACE)
target_compile_options(engram_warnings INTERFACE -Wall -Wextra -Wno-psabi -Wno-unknown-pragmas)
if(ENGRAM_WERROR)
  target_compile_options(engram_warnings INTERFACE -Werror)
endif()
