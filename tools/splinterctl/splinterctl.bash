# SPDX-License-Identifier: MIT
#
# splinterctl.bash - completion of subcommands, options, keys and files. What there is, splinterctl's own help tells, so
# that nothing has to be kept up here.
# shellcheck shell=bash

# bash takes words apart at = and : (COMP_WORDBREAKS); what stands together on the line is one word.
_splinterctl_join() {
	local line=$COMP_LINE blank i

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		blank=${line%%[![:space:]]*}
		if ((i)) && [[ -n $line && -z $blank ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
		line=${line#"$blank"}
		line=${line#"${COMP_WORDS[i]}"}
	done
}

_splinterctl() {
	local cur prev program=${COMP_WORDS[0]} sub='' i at=0 store=() words

	COMPREPLY=()
	_splinterctl_join
	cur=${words[-1]}
	prev=${words[${#words[@]} - 2]}
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*}
		cur=${cur#*=}
	fi
	_splinterctl_answer
	# bash replaces what follows the last colon only.
	if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${cur%:*}:"}")
	fi
}

_splinterctl_answer() {
	# The subcommand is the first word that is neither an option nor an option's argument.
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		-s | --store | --device) i=$((i + 1)) ;;
		-*) ;;
		*)
			sub=${words[i]}
			at=$i
			break
			;;
		esac
	done
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		-s | --store) store=(-s "${words[i + 1]}") ;;
		--store=*) store=(-s "${words[i]#*=}") ;;
		esac
	done

	case $sub:$prev in
	list:-t | set:-t) prev=--type ;;
	init:-p) prev=--policy ;;
	ingest:-d | import:-d) prev=--duplicates ;;
	ingest:-f) prev=--format ;;
	set:-f | append:-f) prev=--file ;;
	ingest:-L | import:-L) prev=--long-to ;;
	esac
	case $prev in
	-s | --store | --long-to)
		_splinterctl_stores
		return
		;;
	--type)
		_splinterctl_words "void bigint biguint json binary imgdata audio vartext"
		return
		;;
	--policy)
		_splinterctl_words "local bind interleave"
		return
		;;
	--duplicates)
		_splinterctl_words "last first fail"
		return
		;;
	--format)
		_splinterctl_words "lines csv json control"
		return
		;;
	--device | --file)
		compopt -o default
		return
		;;
	esac

	if [[ -z $sub && $cur == -* ]]; then
		_splinterctl_words "--store --device --json --help --version"
	elif [[ -z $sub ]]; then
		_splinterctl_words "$("$program" help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')"
	elif [[ $cur == -* ]]; then
		_splinterctl_words "$("$program" "$sub" --help 2>/dev/null | sed -n 's/^  .*\(--[a-z][a-z-]*\).*  .*/\1/p')"
	else
		_splinterctl_operand
	fi
}

_splinterctl_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# Stores of the module by name, others by path.
_splinterctl_stores() {
	local names

	if [[ $cur == file:* ]]; then
		mapfile -t COMPREPLY < <(compgen -P file: -f -- "${cur#file:}")
		compopt -o nospace
		return
	fi
	names=$("$program" stores --json 2>/dev/null | sed -n 's/^{"name":"\([^"\\ ]*\)".*/\1/p')
	_splinterctl_words "default file: $names"
}

# Channels of the store by name, others by path.
_splinterctl_channels() {
	local names

	if [[ $cur == file:* ]]; then
		mapfile -t COMPREPLY < <(compgen -P file: -f -- "${cur#file:}")
		compopt -o nospace
		return
	fi
	names=$("$program" "${store[@]}" channel list --json 2>/dev/null | sed -n 's/^{"name":"\([^"\\ ]*\)".*/\1/p')
	_splinterctl_words "file: $names"
}

_splinterctl_operand() {
	case $sub in
	help) _splinterctl_words "$("$program" help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')" ;;
	use | unlink | destroy | init) _splinterctl_stores ;;
	chmod | chown) [[ $prev == chmod || $prev == chown ]] || _splinterctl_stores ;;
	ingest | import) compopt -o default ;;
	label)
		if [[ $prev == label ]]; then
			_splinterctl_words "get set clear test-and-set swap list"
		else
			_splinterctl_keys
		fi
		;;
	channel)
		if [[ $prev == channel ]]; then
			_splinterctl_words "create list send recv show unlink"
		else
			_splinterctl_channels
		fi
		;;
	math)
		if [[ $prev == math || $prev == -* ]]; then
			_splinterctl_keys
		else
			_splinterctl_words "and or xor not add sub inc dec"
		fi
		;;
	type)
		if [[ ${words[${#words[@]} - 2]} == type || $prev == -* ]]; then
			_splinterctl_keys
		else
			_splinterctl_words "void bigint biguint json binary imgdata audio vartext"
		fi
		;;
	set | get | append)
		# The second operand is a value.
		if ((${#words[@]} - 1 == at + 1)) || [[ $prev == -* ]]; then
			_splinterctl_keys
		fi
		;;
	unset | exists | bump | head | watch | flags | bind) _splinterctl_keys ;;
	esac
}

# A large store has too many keys to offer: the first ones, and only what comes quickly. Keys that need quoting are left out.
_splinterctl_keys() {
	mapfile -t COMPREPLY < <(timeout 1 "$program" "${store[@]}" list --prefix "$cur" 2>/dev/null |
		grep -v '[][[:space:]"$&();<>`\\|*?'\'']' | head -n 200)
}

complete -F _splinterctl splinterctl
