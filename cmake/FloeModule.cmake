# floe_module(NAME [DEPS target...]): the folder's *.cc (tests left out) become the
# static library floe_NAME; its *_test.cc, where there are any, the one test binary
# floe_NAME_test. A folder is a layer: DEPS name only what tools/layers.toml allows.
function(floe_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;TEST_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|benchmark|fuzz)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(NOT sources) # Headers alone: the same kind of target all the same.
    set(sources "${PROJECT_BINARY_DIR}/headers_only.cc")
    file(CONFIGURE OUTPUT "${sources}" CONTENT "")
  endif()
  add_library(floe_${name} STATIC ${sources})
  target_link_libraries(floe_${name} PUBLIC floe_options ${ARG_DEPS})
  set_property(GLOBAL APPEND PROPERTY FLOE_MODULES floe_${name})
  if(tests AND FLOE_BUILD_TESTS)
    floe_test(floe_${name}_test SOURCES ${tests} DEPS floe_${name} ${ARG_TEST_DEPS})
  endif()
endfunction()

# floe_test(NAME SOURCES file... DEPS target...): a GoogleTest binary known to ctest.
# test/source_folder.h tells a test where its files are, whatever its working folder. Its
# value is compiled into one file alone: as a definition on every command line it would
# keep a clone elsewhere from sharing this one's compiler cache.
function(floe_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  if(NOT TARGET floe_source_folder)
    set(source_folder "${PROJECT_BINARY_DIR}/source_folder.cc")
    file(CONFIGURE OUTPUT "${source_folder}" CONTENT
         "#include \"test/source_folder.h\"\nconst char* floe::SourceFolder() { return \"@PROJECT_SOURCE_DIR@\"; }\n"
         @ONLY)
    add_library(floe_source_folder STATIC "${source_folder}")
    target_include_directories(floe_source_folder PUBLIC "${PROJECT_SOURCE_DIR}")
    target_link_libraries(floe_source_folder PRIVATE floe_options)
  endif()
  target_link_libraries(${name} PRIVATE floe_source_folder)
  # Test code is compiled once and run once: a quarter of the time to build it is saved.
  target_compile_options(${name} PRIVATE -O1)
  floe_link_openssl_first(${name})
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# libparquet exports the OpenSSL linked into it. Whichever library comes first in the
# link scope serves everybody's calls, so the system's libssl and libcrypto must come
# before it on every link line (tools/leaked_symbols.py holds this).
function(floe_link_openssl_first target)
  target_link_options(${target} BEFORE PRIVATE
                      "LINKER:--push-state,--no-as-needed" -lssl -lcrypto "LINKER:--pop-state")
endfunction()
