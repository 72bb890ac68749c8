"""Plan, guard, apply, watch, repair and remove one CloudFormation stack.

Pure logic (template, resolve, plan, guard, compare, repair, explain) knows no AWS client; the modules that
call AWS (change_set, watch, apply, remove, drift, instances) take the client as an argument.
"""
