# libfloe.so as a part of the Python package: floe/libfloe.so, which finds Arrow's
# libraries in the pyarrow installed beside it.
function(floe_install_for_python target)
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/../pyarrow")
  install(TARGETS ${target} LIBRARY DESTINATION floe COMPONENT python)
endfunction()

# Stands in for the whole build when a package is made from one that is done already:
# FLOE_BUILD_TREE names its folder. Nothing is compiled.
function(floe_install_from_build_tree)
  add_custom_target(floe_shared)
  install(CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" --install \"${FLOE_BUILD_TREE}\"
                                        --component python --prefix \"\${CMAKE_INSTALL_PREFIX}\"
                                COMMAND_ERROR_IS_FATAL ANY)"
          COMPONENT python)
endfunction()
