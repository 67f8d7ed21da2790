# floe_feast_protos(TARGET MODULE...): a static library TARGET with the C++ classes of
# Feast's protobuf files (e.g. types.Value, core.Registry) and of all they need, generated
# from the descriptors inside the feast package of Python3_EXECUTABLE. Headers are
# included as "feast/types/Value.pb.h".
find_package(Protobuf REQUIRED)

function(floe_feast_protos target)
  set(descriptors "${CMAKE_CURRENT_BINARY_DIR}/${target}.descriptors")
  set(generated "${CMAKE_CURRENT_BINARY_DIR}/${target}_generated")
  set(script "${PROJECT_SOURCE_DIR}/proto/feast_descriptors.py")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${script}")
  execute_process(
    COMMAND "${Python3_EXECUTABLE}" "${script}" "${descriptors}.new" ${ARGN}
    OUTPUT_VARIABLE files RESULT_VARIABLE result ERROR_VARIABLE error
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "Feast's protobuf descriptors could not be read with "
                        "${Python3_EXECUTABLE}: ${error}")
  endif()
  # Left alone when nothing changed, so that nothing is generated and compiled again.
  file(COPY_FILE "${descriptors}.new" "${descriptors}" ONLY_IF_DIFFERENT)
  string(REPLACE "\n" ";" files "${files}")
  set(outputs "")
  foreach(file ${files})
    string(REGEX REPLACE "\\.proto$" "" stem "${file}")
    list(APPEND outputs "${generated}/${stem}.pb.cc" "${generated}/${stem}.pb.h")
  endforeach()
  file(MAKE_DIRECTORY "${generated}")
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND protobuf::protoc "--descriptor_set_in=${descriptors}" "--cpp_out=${generated}"
            ${files}
    DEPENDS "${descriptors}"
    COMMENT "Generating C++ of Feast's protobuf messages")
  add_library(${target} STATIC ${outputs})
  target_include_directories(${target} SYSTEM PUBLIC "${generated}")
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf)
endfunction()
