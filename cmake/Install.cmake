# find_package(engram) for an installation: targets engram::engram_kernels, engram::engram_engine, engram::engram_models,
# engram::engram_survival.
include(CMakePackageConfigHelpers)
set(ENGRAM_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/engram)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/engramConfig.cmake.in ${PROJECT_BINARY_DIR}/engramConfig.cmake
                              INSTALL_DESTINATION ${ENGRAM_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/engramConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/engramConfig.cmake ${PROJECT_BINARY_DIR}/engramConfigVersion.cmake
        DESTINATION ${ENGRAM_CMAKE_DIR} COMPONENT development)
install(EXPORT engramTargets NAMESPACE engram:: DESTINATION ${ENGRAM_CMAKE_DIR} COMPONENT development)
