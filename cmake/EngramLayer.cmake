# engram_layer(NAME [FOLDERS ...] [PUBLIC_LIBS ...] [PRIVATE_LIBS ...] [EXCLUDE regex]): one static library per layer, of every source
# below the folder, or below the FOLDERS in it, but those whose paths match.
# It is installed with its headers, which keep their folders below engram/: #include "engram/engine/tensor.h" works for other projects,
# against an installation (whose headers' own includes are rewritten, see Install.cmake) and, with engram::headers, the build tree.
function(engram_layer name)
  cmake_parse_arguments(ARG "" "EXCLUDE" "FOLDERS;PUBLIC_LIBS;PRIVATE_LIBS" ${ARGN})
  set(roots ${CMAKE_CURRENT_SOURCE_DIR})
  if(ARG_FOLDERS)
    list(TRANSFORM ARG_FOLDERS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE roots)
  endif()
  list(TRANSFORM roots APPEND /*.cpp OUTPUT_VARIABLE patterns)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${patterns})
  if(ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${ARG_EXCLUDE}")
  endif()
  add_library(${name} STATIC ${sources})
  units_by_folder(${name})
  add_library(engram::${name} ALIAS ${name})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC_LIBS} PRIVATE ${ARG_PRIVATE_LIBS} $<BUILD_INTERFACE:engram_warnings>)
  target_compile_features(${name} PUBLIC cxx_std_20)
  install(TARGETS ${name} EXPORT engramTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  set(excluded "")
  if(ARG_EXCLUDE)
    set(excluded REGEX "${ARG_EXCLUDE}" EXCLUDE)
  endif()
  foreach(root ${roots})
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${root})
    install(DIRECTORY ${root}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/engram/${folder} COMPONENT development
            FILES_MATCHING PATTERN "*.h" ${excluded})
  endforeach()
endfunction()
