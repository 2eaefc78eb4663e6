# find_package(engram) for an installation: targets engram::engram_kernels, engram::engram_engine, engram::engram_models_base,
# engram::engram_models, engram::engram_survival.
include(CMakePackageConfigHelpers)
set(ENGRAM_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/engram)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/engramConfig.cmake.in ${PROJECT_BINARY_DIR}/engramConfig.cmake
                              INSTALL_DESTINATION ${ENGRAM_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/engramConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/engramConfig.cmake ${PROJECT_BINARY_DIR}/engramConfigVersion.cmake
        DESTINATION ${ENGRAM_CMAKE_DIR} COMPONENT development)
install(EXPORT engramTargets NAMESPACE engram:: DESTINATION ${ENGRAM_CMAKE_DIR} COMPONENT development)

# Headers as other projects see them: "engram/engram.h" and "engram/LAYER/...". The sources name each other from the root of the tree
# ("engine/tensor.h"), which would collide with folders of the user's own; in an installation these names are rewritten, and in the build
# tree links stand in their place.
install(FILES ${PROJECT_SOURCE_DIR}/models/engram.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/engram COMPONENT development)
install(CODE "set(ENGRAM_HEADERS ${CMAKE_INSTALL_INCLUDEDIR}/engram)" COMPONENT development)
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/RewriteIncludes.cmake COMPONENT development)
# engram::headers: these names in the build tree. Programs of the project itself do not use it.
add_library(engram_headers INTERFACE)
add_library(engram::headers ALIAS engram_headers)
target_include_directories(engram_headers INTERFACE ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include/engram)
foreach(folder kernels engine models)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${PROJECT_BINARY_DIR}/include/engram/${folder} SYMBOLIC)
endforeach()
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/models/engram.h ${PROJECT_BINARY_DIR}/include/engram/engram.h SYMBOLIC)
