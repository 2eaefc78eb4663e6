# The CUDA plug-in: one set of sources, with the kernels that nvcc compiled (libengram_cuda.so, where nvcc, cuDNN and cuBLAS are
# found) and with those on the emulator (libengram_emu.so).
file(GLOB plugin_host CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/plugin/cuda/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*/*_cudnn.cpp
                                        ${CMAKE_CURRENT_SOURCE_DIR}/*/*_cublas.cpp)
list(APPEND plugin_host ${CMAKE_CURRENT_SOURCE_DIR}/conv2d/conv2d_shape.cpp ${CMAKE_CURRENT_SOURCE_DIR}/matmul/matmul_shape.cpp)

# The version of the interface: compiled into the engine's library and into each plug-in.
file(GLOB interface CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/common/*.h)
file(GLOB folders CONFIGURE_DEPENDS LIST_DIRECTORIES true ${CMAKE_CURRENT_SOURCE_DIR}/*)
foreach(folder ${folders})
  get_filename_component(family ${folder} NAME)
  if(EXISTS ${folder}/${family}.h)
    list(APPEND interface ${folder}/${family}.h)
  endif()
endforeach()
list(APPEND interface ${CMAKE_CURRENT_SOURCE_DIR}/backend.h ${CMAKE_CURRENT_SOURCE_DIR}/families.h)
list(SORT interface)
list(JOIN interface "," interface_joined)
set(plugin_version ${CMAKE_CURRENT_BINARY_DIR}/plugin_version.cpp)
add_custom_command(OUTPUT ${plugin_version}
                   COMMAND ${CMAKE_COMMAND} -DHEADERS=${interface_joined} -DOUTPUT=${plugin_version}
                           -P ${CMAKE_CURRENT_SOURCE_DIR}/plugin/version.cmake
                   DEPENDS ${interface} ${CMAKE_CURRENT_SOURCE_DIR}/plugin/version.cmake VERBATIM)
add_library(plugin_version OBJECT ${plugin_version})
target_include_directories(plugin_version PRIVATE ${PROJECT_SOURCE_DIR})
target_sources(engram_kernels PRIVATE $<TARGET_OBJECTS:plugin_version>)

function(engram_plugin name)
  add_library(${name} SHARED ${plugin_host} $<TARGET_OBJECTS:plugin_version> ${ARGN})
  units_by_folder(${name})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_link_libraries(${name} PRIVATE engram_warnings)
  target_link_options(${name} PRIVATE -Wl,--no-undefined)
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
endfunction()

# emulated_plugin(NAME KERNELS [LIBRARIES...])
function(emulated_plugin name kernels)
  engram_plugin(${name} $<TARGET_OBJECTS:${kernels}>)
  target_compile_definitions(${name} PRIVATE ENGRAM_EMULATED)
  # Whole: tests steer the emulator that they find in the plug-in.
  target_link_libraries(${name} PRIVATE -Wl,--whole-archive emu_vendor emu_runtime emu_engine ${ARGN} -Wl,--no-whole-archive)
endfunction()
emulated_plugin(engram_emu engram_cuda_kernels_emulated)
install(TARGETS engram_emu LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
# The same under the checker, for tests: its instrumentation and the sanitizers' exclude each other.
if(NOT ENGRAM_SANITIZE)
  emulated_plugin(engram_emu_checked engram_cuda_kernels_checked emu_checker)
  set_target_properties(engram_emu_checked PROPERTIES OUTPUT_NAME engram_emu EXCLUDE_FROM_ALL ON
                                                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/checked)
endif()

if(ENGRAM_CUDA_PLUGIN)
  engram_plugin(engram_cuda $<TARGET_OBJECTS:engram_cuda_kernels>)
  # cuDNN 9 carries its convolution functions on under a deprecation mark.
  target_compile_options(engram_cuda PRIVATE -Wno-deprecated-declarations)
  # Its own CUDA runtime stays inside: a process may hold the emulated one as well.
  target_link_options(engram_cuda PRIVATE -Wl,--exclude-libs,ALL -Wl,-Bsymbolic)
  set_target_properties(engram_cuda PROPERTIES CXX_VISIBILITY_PRESET hidden)
  target_include_directories(engram_cuda SYSTEM PRIVATE ${ENGRAM_CUDNN_INCLUDE})
  target_link_libraries(engram_cuda PRIVATE CUDA::cudart_static CUDA::cublas ${ENGRAM_CUDNN_LIBRARY})
  install(TARGETS engram_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
