# engram_layer(NAME [PUBLIC_LIBS ...] [PRIVATE_LIBS ...] [EXCLUDE regex]): one static library per layer, of every source below the
# folder but those whose paths match.
# It is installed with its headers, which keep their folders: #include "engine/tensor.h" works in the tree and against an installation.
function(engram_layer name)
  cmake_parse_arguments(ARG "" "EXCLUDE" "PUBLIC_LIBS;PRIVATE_LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${ARG_EXCLUDE}")
  endif()
  add_library(${name} STATIC ${sources})
  add_library(engram::${name} ALIAS ${name})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/engram>)
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC_LIBS} PRIVATE ${ARG_PRIVATE_LIBS} $<BUILD_INTERFACE:engram_warnings>)
  target_compile_features(${name} PUBLIC cxx_std_20)
  install(TARGETS ${name} EXPORT engramTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/engram/${folder}
          COMPONENT development FILES_MATCHING PATTERN "*.h")
endfunction()
