#include "cli/application.h"

int main(int argc, char** argv) { return floe::cli::Run(argc, argv); }
