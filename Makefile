# make local   deploys the application onto the local cloud and prints its address
# make test    runs every test
# Each sets up what it needs.

export PATH := $(CURDIR)/.venv/bin:$(PATH)
localcloud := .venv-localcloud/bin/python -m localcloud

# Port 443, /etc/hosts and containers with an address of their own are root's.
ifneq ($(shell id -u),0)
.DEFAULT_GOAL := help
Makefile: ;
%:
	@command -v sudo >/dev/null || { echo "Run make as root, or install sudo." >&2; exit 1; }
	@sudo --preserve-env $(MAKE) --no-print-directory $@
else

.PHONY: help local localcloud down status mailbox rehearse soak test benchmark requirements system system-test \
	rehearse-environments test-environments controller

help:
	@sed -n 's/^# //p' Makefile | head -n 3

local: localcloud controller
	@ansible-playbook site.yml -i inventories/local

# The local cloud alone, for running playbooks by hand.
localcloud: system
	@scripts/virtual_environment .venv-localcloud requirements/localcloud.txt
	@$(localcloud) up

down:
	@$(localcloud) down

status:
	@$(localcloud) status

mailbox:
	@$(localcloud) mailbox list

# Carries a release out under load, with an environment's own inventory, on a local cloud that cannot reach AWS:
#   make rehearse ENV=production [FROM=<git revision>] [RATE=200] [TIME_SCALE=5] [RELEASE_STRATEGY=rolling]
rehearse: rehearse-environments
	@.venv/bin/python -m rehearsal $(or $(ENV),$(error ENV is missing: make rehearse ENV=production)) \
		$(if $(FROM),--from='$(FROM)') $(if $(RATE),--rate=$(RATE)) $(if $(TIME_SCALE),--time-scale=$(TIME_SCALE)) \
		$(if $(RELEASE_STRATEGY),--release-strategy=$(RELEASE_STRATEGY))

# Releases of every kind, good and bad, under load; reports/soak.json counts what failed, and why.
soak: rehearse-environments
	@.venv/bin/python -m rehearsal.scenarios

test: test-environments
	@pytest

# Measures a run that changes nothing beside two other ways; docs/benchmarks.md has the method.
benchmark: test-environments
	@.venv/bin/python -m benchmarks

rehearse-environments: system
	@scripts/virtual_environment .venv requirements/rehearsal.txt
	@scripts/virtual_environment .venv-localcloud requirements/localcloud.txt

test-environments: system-test
	@scripts/virtual_environment .venv requirements/test.txt
	@scripts/virtual_environment .venv-localcloud requirements/localcloud.txt
	@scripts/virtual_environment .venv-policy requirements/policy.txt

controller: system
	@scripts/virtual_environment .venv requirements/controller.txt

system:
	@scripts/system_packages

system-test:
	@scripts/system_packages test

# Compiles every requirements file anew, to the newest releases that the .in files allow.
compile := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade
requirements: export UV_CUSTOM_COMPILE_COMMAND := make requirements
requirements:
	@python3 -m venv .venv-requirements && .venv-requirements/bin/pip install --quiet uv
	.venv-requirements/bin/uv $(compile) requirements/controller.in -o requirements/controller.txt
	.venv-requirements/bin/uv $(compile) requirements/rehearsal.in -c requirements/controller.txt -o requirements/rehearsal.txt
	.venv-requirements/bin/uv $(compile) requirements/test.in -c requirements/rehearsal.txt -o requirements/test.txt
	.venv-requirements/bin/uv $(compile) requirements/localcloud.in -o requirements/localcloud.txt
	.venv-requirements/bin/uv $(compile) requirements/policy.in -o requirements/policy.txt
	.venv-requirements/bin/uv $(compile) app/requirements.in -o app/requirements.txt
	@rm -r .venv-requirements

endif
