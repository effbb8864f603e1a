# nexodus_add_plugin(NAME ROLE server|agent SOURCES … [LIBRARIES …] [NO_INSTALL])
#
# A module <role>/<NAME>.so that exports nexodus_plugin() and nothing else. Used by this tree
# and, from the installed CMake package, by anyone else's.
function(nexodus_add_plugin name)
  cmake_parse_arguments(PLUGIN "NO_INSTALL" "ROLE" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT PLUGIN_ROLE MATCHES "^(server|agent)$")
    message(FATAL_ERROR "nexodus_add_plugin(${name}): ROLE must be server or agent")
  endif()
  set(target ${name}-${PLUGIN_ROLE})
  add_library(${target} MODULE ${PLUGIN_SOURCES})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} PREFIX "" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins/${PLUGIN_ROLE})
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)
  if(NOT NEXODUS_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  if(TARGET nexodus::plugin)
    target_link_libraries(${target} PRIVATE nexodus::plugin)
  endif()
  target_link_libraries(${target} PRIVATE ${PLUGIN_LIBRARIES})
  if(NOT PLUGIN_NO_INSTALL)
    set_property(GLOBAL APPEND PROPERTY NEXODUS_PLUGIN_TARGETS ${target})
    include(GNUInstallDirs)
    if(NOT DEFINED NEXODUS_PLUGIN_DIR)
      set(NEXODUS_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/nexodus)
    endif()
    install(TARGETS ${target} LIBRARY DESTINATION ${NEXODUS_PLUGIN_DIR}/${PLUGIN_ROLE}
      COMPONENT ${PLUGIN_ROLE})
  endif()
endfunction()
