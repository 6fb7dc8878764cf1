# SPDX-License-Identifier: MIT
# Pont. `make help` lists what can be made. BUILD=DIR builds elsewhere; CC=clang CXX=clang++ with another
# compiler; OPTIMISE=-O0 otherwise optimised; MODE=asan with the sanitizers.

BUILD ?= build
CC = gcc
CXX = g++
MODE ?= release
OPTIMISE ?= -O2
SHELL = /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:

# ---- Flags. Assertions stay in every build; contraction would make two compilers differ (simulation.md).
WARN = -Wall -Wextra -Werror -Wshadow -Wvla -Wpointer-arith -Wundef -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes
WARN_CXX = -Wall -Wextra -Werror -Wshadow
FLAGS_release = $(OPTIMISE) -g1
FLAGS_asan = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan = -O1 -g -fsanitize=thread
FLAGS_coverage = -O0 -g --coverage
FLAGS_fuzz = -O1 -g -fsanitize=fuzzer-no-link,address,undefined
COMMON = -I. -D_GNU_SOURCE -ffp-contract=off -fstack-protector-strong -pthread -MMD -MP $(FLAGS_$(MODE)) $(DEFINES)
CFLAGS = -std=c11 $(WARN) $(COMMON)
CXXFLAGS = -std=c++17 -fno-exceptions -fno-rtti $(WARN_CXX) $(COMMON)
LDFLAGS = -pthread $(FLAGS_$(MODE))
LIBS = -ldcmnet -ldcmjpeg -ldcmjpls -ldcmimage -ldcmimgle -ldcmdata -loflog -lofstd -lcrypto -lsqlite3 -lyaml -ljansson -lstdc++ -lm

# ---- What is built: every folder of src and sim is one archive.
FOLDERS = src/base src/hl7 src/dicom src/actor src/engine sim/node sim/ris sim/viewer sim/virtual sim/load src/store src/dcmtk src/wire \
          src/scenario src/bench src/report src/cli
C_SOURCES = $(foreach f,$(FOLDERS),$(wildcard $(f)/*.c))
CXX_SOURCES = $(wildcard src/dcmtk/*.cc)
OBJECTS = $(C_SOURCES:%.c=$(BUILD)/obj/%.o) $(CXX_SOURCES:%.cc=$(BUILD)/obj/%.o) $(BUILD)/obj/calibration.o
MAIN = $(BUILD)/obj/src/cli/main.o
LIB_OBJECTS = $(filter-out $(MAIN),$(OBJECTS))
UNIT_SOURCES = $(wildcard tests/unit/*/test_*.c)
UNITS = $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)
FUZZERS = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES = $(BUILD)/bench/queue_bench $(BUILD)/bench/mm10_bench
# Folders that are pure link alone, so that their tests need nothing else to build.
PURE = src/base src/hl7 src/dicom src/actor src/engine sim/node sim/ris sim/viewer sim/virtual sim/load
PURE_OBJECTS = $(foreach f,$(PURE),$(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(f)/*.c)))

.PHONY: all demo check check-fast check-all calibrate format lint tidy asan tsan fuzz coverage bench docs install help clean deps mutants
all: $(BUILD)/pont ## build the program (default)

COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
$(MAIN): COMMON += -DPONT_COMMIT='"$(COMMIT)"'

$(BUILD)/pont: $(OBJECTS)
	@echo "  link   $@"
	@$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc     $<"
	@$(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	@echo "  c++    $<"
	@$(CXX) $(CXXFLAGS) -c -o $@ $<

# The rows of sim/calibration.yaml as a table.
$(BUILD)/calibration.c: sim/calibration.yaml Makefile
	@mkdir -p $(@D)
	@{ echo '#include "src/bench/calibration.h"'; echo 'const struct calibration_row calibration_rows[VIRTUAL_SERVICE_COUNT] = {'; \
	   sed -nE 's/^  ([a-z0-9]+): \{base: ([0-9]+) us, each: ([0-9]+) us, rate: ([0-9]+) B\/s, factors: \[([0-9, ]+)\]\}$$/[VIRTUAL_\U\1\E] = {\2, \3, \4, {\5}},/p' $<; \
	   echo '};'; sed -nE 's/^  restart: ([0-9]+) us$$/const int64_t calibration_restart_us = \1;/p' $<; } > $@
$(BUILD)/obj/calibration.o: $(BUILD)/calibration.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/obj/src/report/assets.o: reports/report.css reports/report.js # taken in by .incbin

$(BUILD)/pure.a: $(PURE_OBJECTS)
	@rm -f $@; ar rcs $@ $^
$(BUILD)/all.a: $(LIB_OBJECTS)
	@rm -f $@; ar rcs $@ $^

# A test names the folder it is of: tests/unit/<folder>/test_<what>.c.
PURE_TESTS = base hl7 dicom actor engine node ris viewer virtual load
$(foreach f,$(PURE_TESTS),$(eval $(filter $(BUILD)/unit/$(f)/%,$(UNITS)): $(BUILD)/pure.a))
$(eval $(filter-out $(foreach f,$(PURE_TESTS),$(BUILD)/unit/$(f)/%),$(UNITS)): $(BUILD)/all.a)
$(BUILD)/unit/%: tests/unit/%.c tests/unit/unit.h
	@mkdir -p $(@D)
	@echo "  test   $*"
	@$(CC) $(CFLAGS) -o $@ $< $(filter %.a,$^) $(LDFLAGS) -lcheck -lsubunit -lrt $(if $(filter %/all.a,$^),$(LIBS),-lm)

units: $(UNITS)

# ---- The two commands of the README.
deps:
	@.ci/install

demo: deps ## play the quickstart on the wire and write its report
	@$(MAKE) --no-print-directory -j2 all
	@$(BUILD)/pont run scenarios/quickstart.yaml --world wire

check: deps ## everything that CI runs, under 10 minutes on two cores
	@$(MAKE) --no-print-directory -j2 all units mutants
	@BUILD=$(BUILD) tests/run.sh check

check-fast: ## tidy, unit and golden tests, under a minute
	@$(MAKE) --no-print-directory -j2 all units
	@BUILD=$(BUILD) tests/run.sh check-fast

check-all: deps ## what takes longer than check: repeats, ablations, hostile input, big studies
	@$(MAKE) --no-print-directory -j2 all units mutants
	@BUILD=$(BUILD) tests/run.sh check-all

$(BUILD)/altered/pont: $(OBJECTS) $(BUILD)/obj/tests/tools/altered.o # one draw of it can be made to come out otherwise
	@mkdir -p $(@D)
	@$(CXX) $(LDFLAGS) -Wl,--wrap=random_draw -o $@ $^ $(LIBS)

mutants: ## build/mutants/pont: the same tree, in which defects can be switched on
	@$(MAKE) --no-print-directory -j2 BUILD=$(BUILD)/mutants DEFINES=-DPONT_MUTANTS all

# ---- Keeping the house.
SHAPED = $(shell git ls-files -co --exclude-standard 'src/*.[ch]' 'src/*.cc' 'sim/*.[ch]' 'tests/*.[ch]')
format: ## lay out the code as .clang-format says
	@clang-format -i $(SHAPED)

lint: ## clang-tidy over the C code
	@clang-tidy --quiet $(C_SOURCES) -- -std=c11 -I. -D_GNU_SOURCE

tidy: ## layers, bans, sizes, headers, generated docs up to date
	@tests/tidy/tidy.sh

asan: ## unit tests and the quickstart under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory -j2 BUILD=build/asan MODE=asan all units
	@BUILD=build/asan tests/run.sh asan

tsan: ## the quickstart under ThreadSanitizer
	@$(MAKE) --no-print-directory -j2 BUILD=build/tsan MODE=tsan all
	@BUILD=build/tsan tests/run.sh tsan

TARGET ?= $(firstword $(FUZZERS))
SECONDS ?= 30
fuzz: ## fuzz one reader: TARGET= SECONDS= (targets are the files of tests/fuzz)
	@$(MAKE) --no-print-directory -j2 BUILD=build/fuzz MODE=fuzz CC=clang CXX=clang++ build/fuzz/fuzz_$(TARGET)
	@mkdir -p build/fuzz/corpus/$(TARGET)
	@build/fuzz/fuzz_$(TARGET) -max_total_time=$(SECONDS) -print_final_stats=1 build/fuzz/corpus/$(TARGET)

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(BUILD)/pure.a
	@$(CC) $(CFLAGS) -fsanitize=fuzzer -o $@ $< $(BUILD)/pure.a $(LDFLAGS)

coverage: ## lines that the tests reach, by file
	@$(MAKE) --no-print-directory -j2 BUILD=build/coverage MODE=coverage all units
	@BUILD=build/coverage tests/run.sh check-fast
	@gcovr -r . --object-directory build/coverage -e tests

bench: deps ## ratios against peers, measured in one run
	@.ci/install python3-simpy valgrind
	@$(MAKE) --no-print-directory -j2 all $(BENCHES)
	@BUILD=$(BUILD) tests/bench/bench.sh
	@BUILD=$(BUILD) tests/bench/virtual.sh

$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/pure.a
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -o $@ $< $(BUILD)/pure.a $(LDFLAGS) -lm

calibrate: ## measure on the wire what processes take of their own, for virtual time (sim/calibration.yaml)
	@$(MAKE) --no-print-directory -j2 all
	@BUILD=$(BUILD) tests/tools/calibrate.sh

docs: ## make the generated pages of docs/ again
	@$(MAKE) --no-print-directory -j2 all
	@tests/tools/docs.sh

PREFIX ?= /usr/local
install: all ## install pont, its scenarios and profiles under PREFIX
	@install -D $(BUILD)/pont $(DESTDIR)$(PREFIX)/bin/pont
	@mkdir -p $(DESTDIR)$(PREFIX)/share/pont
	@cp -r scenarios fixtures sim/vendors $(DESTDIR)$(PREFIX)/share/pont/

clean: ## remove what was built
	@rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

-include $(OBJECTS:.o=.d)
-include $(UNITS:=.d)
