# floe_header_check: an object library, built on request, in which each header of src/
# and include/ is compiled by itself, twice over. A header that leans on what its
# includer happened to include first fails there. The public C header also compiles as C.
function(floe_add_header_check)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
       "${PROJECT_SOURCE_DIR}/src/*.h" "${PROJECT_SOURCE_DIR}/include/*.h")
  set(sources)
  foreach(header IN LISTS headers)
    string(REGEX REPLACE "^(src|include)/" "" name "${header}")
    set(source "${PROJECT_BINARY_DIR}/header_check/${header}.cc")
    file(CONFIGURE OUTPUT "${source}" CONTENT "#include \"${name}\"\n#include \"${name}\"\n" @ONLY)
    list(APPEND sources "${source}")
    if(header STREQUAL "include/floe/floe.h")
      set(source "${PROJECT_BINARY_DIR}/header_check/${header}.c")
      file(CONFIGURE OUTPUT "${source}" CONTENT "#include \"${name}\"\n" @ONLY)
      list(APPEND sources "${source}")
    endif()
  endforeach()
  add_library(floe_header_check OBJECT EXCLUDE_FROM_ALL ${sources})
  get_property(modules GLOBAL PROPERTY FLOE_MODULES)
  target_link_libraries(floe_header_check PRIVATE floe_options ${modules})
  # Nothing runs here; what is unused in a header by itself is no mistake.
  target_compile_options(floe_header_check PRIVATE -O0 -g0 -Wno-unused-function
                                                   -Wno-unused-const-variable)
endfunction()
