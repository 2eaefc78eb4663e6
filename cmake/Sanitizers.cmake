# ENGRAM_SANITIZE: comma-separated sanitizers for every target, for example "address,undefined". Any finding ends the program.
set(ENGRAM_SANITIZE "" CACHE STRING "Sanitizers of GCC and Clang (address, undefined, leak), comma-separated; empty for none")
if(ENGRAM_SANITIZE)
  add_compile_options(-fsanitize=${ENGRAM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ENGRAM_SANITIZE})
endif()
