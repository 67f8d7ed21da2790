# Finds Arrow C++ inside the pyarrow wheel of Python3_EXECUTABLE and defines
# Arrow::{arrow,compute,acero,parquet,dataset,flight,s3}. The wheel has no CMake
# config files and no unversioned libraries, so each target names its file.
find_package(Python3 3.10 REQUIRED COMPONENTS Interpreter)
execute_process(
  COMMAND "${Python3_EXECUTABLE}" -c
          "import importlib.util as u, importlib.metadata as m, os; print(os.path.realpath(u.find_spec('pyarrow').submodule_search_locations[0]), m.version('pyarrow'), sep=';', end='')"
  OUTPUT_VARIABLE _pyarrow RESULT_VARIABLE _pyarrow_result ERROR_QUIET)
if(_pyarrow_result EQUAL 0)
  list(GET _pyarrow 0 PyArrow_LIBRARY_DIR)
  list(GET _pyarrow 1 PyArrow_VERSION)
endif()
find_path(PyArrow_INCLUDE_DIR arrow/api.h PATHS "${PyArrow_LIBRARY_DIR}/include" NO_DEFAULT_PATH)
string(REGEX REPLACE "^([0-9]+)\\..*" "\\100" _pyarrow_soversion "${PyArrow_VERSION}")
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  PyArrow REQUIRED_VARS PyArrow_INCLUDE_DIR PyArrow_LIBRARY_DIR VERSION_VAR PyArrow_VERSION)
if(PyArrow_FOUND AND NOT TARGET Arrow::arrow)
  foreach(_entry arrow:arrow: compute:arrow_compute:Arrow::arrow acero:arrow_acero:Arrow::compute
                 parquet:parquet:Arrow::arrow dataset:arrow_dataset:Arrow::acero
                 flight:arrow_flight:Arrow::arrow s3:arrow_s3:Arrow::arrow)
    string(REGEX MATCH "^([^:]*):([^:]*):(.*)$" _ "${_entry}")
    set(_path "${PyArrow_LIBRARY_DIR}/lib${CMAKE_MATCH_2}.so.${_pyarrow_soversion}")
    add_library(Arrow::${CMAKE_MATCH_1} SHARED IMPORTED GLOBAL)
    set_target_properties(
      Arrow::${CMAKE_MATCH_1} PROPERTIES IMPORTED_LOCATION "${_path}"
                                         INTERFACE_INCLUDE_DIRECTORIES "${PyArrow_INCLUDE_DIR}")
    target_link_libraries(Arrow::${CMAKE_MATCH_1} INTERFACE ${CMAKE_MATCH_3})
  endforeach()
  target_link_libraries(Arrow::dataset INTERFACE Arrow::parquet)
endif()
