"""What is tried on the sandbox, what holds it, and which tests show it. `docs/security.md` is written from this table.

A test is named by its function without "test_", and by a part of its parameters' name in brackets where only some of
them belong to the row. Rows of a section `by_tier` have tests in every tier; the others concern code outside of boxes,
which is the same in all of them.
"""

import sys
from dataclasses import dataclass

FILES = (
    "tests/sandbox",
    "tests/environments",
    "tests/galapagos/test_problem_folder.py",
    "tests/galapagos/test_progress.py",
    "tests/galapagos/test_report.py",
    "tests/evolution/test_problem.py",
    "tests/workers_models/test_prompt_sampler.py",
)
"""Where these tests lie."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attack. `tests` are separated by commas."""

    attack: str
    held_by: str
    tests: str


@dataclass(frozen=True, slots=True)
class Section:
    """Attacks of one kind."""

    title: str
    rows: tuple[Row, ...]
    by_tier: bool = True


SECTIONS = (
    Section(
        "Starvation",
        (
            Row(
                "fork and thread bombs",
                "RLIMIT_NPROC of a user of its own, or a count 20 times a second; the end of the namespace or family",
                "bombs_of_forks_and_threads, a_fork_bomb_that_catches_refusals, a_fork_under_way_is_not_forgotten",
            ),
            Row(
                "memory bombs in one process",
                "RLIMIT_AS, and no memory that no process would be seen to hold",
                "memory_in_one_process, one_large_array, memory_that_outlives_its_mapping, it_counts_as_the_candidates_memory",
            ),
            Row(
                "memory bombs in many processes",
                "resident memory of the whole family, looked at 20 times a second",
                "memory_in_many_processes, memory_of_orphans, a_name_is_no_account",
            ),
            Row(
                "a full disk",
                "a tmpfs with a limit, or RLIMIT_FSIZE and a sum taken 20 times a second",
                "a_full_disk, deleted_files_count, folders_that_hide_files",
            ),
            Row("all inodes", "the tmpfs has 1,024, or the files are counted", "all_inodes"),
            Row("a full /dev/shm", "it is the candidate's own folder, or not there", "a_full_shared_memory"),
            Row("descriptor exhaustion", "RLIMIT_NOFILE", "all_descriptors"),
            Row(
                "endless loops at import and in calls",
                "the launcher's deadline; a call's own timeout",
                "endless_loops, a_calls_own_timeout, an_endless_loop_ends",
            ),
            Row("ignored signals", "the end is SIGKILL, through process 1 of the namespace or by pidfd", "ignored_signals"),
            Row("a process that stops itself", "the deadline is the launcher's", "stopping_itself"),
            Row(
                "orphans",
                "they end with the namespace, or are adopted by the zygote and killed; they count as the candidate's",
                "orphans_are_measured, nothing_is_left_for_the_next, no_sister_instead_of_a_child",
            ),
            Row("floods of output", "the log is a memory file of 64 KiB", "a_flood_of_output"),
        ),
    ),
    Section(
        "Reaching out",
        (
            Row(
                "TCP and UDP", "no network, and no such socket by seccomp", "sockets, a_socket_that_is_not_caught_is_forbidden"
            ),
            Row("other families of sockets", "seccomp: pairs of AF_UNIX alone", "every_family_of_sockets"),
            Row("abstract sockets", "no such socket by seccomp; a network namespace of its own", "sockets"),
            Row("sockets with a path, docker.sock", "no such socket, no connect, no such file", "sockets_with_a_path"),
            Row(
                "control sockets of launcher and zygote",
                "closed before a line of the candidate is read",
                "no_socket_but_the_wire_is_there, its_memory_and_descriptors",
            ),
            Row(
                "system calls that open the kernel or other processes",
                "seccomp, no capabilities, no_new_privs",
                "system_calls, new_namespaces, another_architecture, every_number_of_the_filter_is_a_number",
            ),
            Row(
                "signals to others",
                "a PID namespace and a user of its own, or Landlock, or seccomp",
                "signals_to_others, a_limit_of_ones_own_is_no_kill_from_outside",
            ),
        ),
    ),
    Section(
        "Reading",
        (
            Row("secrets in its own environment", "it is made of nothing", "the_environment_is_bare"),
            Row("/proc of others", "not there, or closed by Landlock", "other_processes, the_judges_files_and_the_host"),
            Row(
                "the judge's source and data",
                "they are in the judge's box alone",
                "the_judges_files_and_the_host, a_search_of_the_file_system_finds_no_secret, judges_at_their_place_on_the_host",
            ),
            Row(
                "candidates of other slots",
                "another box, another user",
                "who_runs_at_the_same_time_is_neither_seen_nor_hurt",
            ),
            Row(
                "references in its own memory",
                "the zygote never had any",
                "its_memory_and_descriptors",
            ),
        ),
    ),
    Section(
        "Writing",
        (
            Row(
                "score files, standard library, site-packages, /proc, /sys and cgroup files",
                "all is read-only, or closed by Landlock; no file is a score",
                "outside_its_space, a_write_that_is_not_caught_is_forbidden",
            ),
            Row(
                "state left for the next candidate",
                "a fresh fork, a fresh file system or folder, a fresh memory file",
                "nothing_is_left_for_the_next, none_through_the_folder, nothing_of_it_is_left_for_the_next",
            ),
        ),
    ),
    Section(
        "Cheating in process",
        (
            Row("patched clocks", "time is taken by the launcher", "patched_clocks_do_not_stop_the_clock"),
            Row(
                "patched functions of comparison and of JSON",
                "the judge compares, in another process",
                "functions_of_comparison_and_of_json",
            ),
            Row("subclasses that lie", "plain data alone crosses", "objects_that_lie_arrive_as_plain_data_or_not_at_all"),
            Row("frames and the garbage collector", "there is nothing to find", "its_memory_and_descriptors"),
            Row("os._exit with a printed score", "what is printed is a log", "ending_with_success_is_no_result"),
            Row("crashes, and connections closed", "no reply, no score", "exits_and_crashes, hanging_up_is_no_result"),
            Row(
                "writes at exit, in finalisers and handlers",
                "the wire takes replies to calls alone; the process is killed",
                "what_runs_at_the_end_writes_no_score",
            ),
            Row("exceptions that fight back", "their text is asked for with care", "an_exception_that_fights_back"),
        ),
    ),
    Section(
        "Cheating on the wire",
        (
            Row("pickles", "nothing unpickles", "malformed_messages[pickle]"),
            Row(
                "forged and early replies",
                "each request carries 64 random bits that its reply repeats",
                "a_reply_before_its_request, a_reply_with_another_nonce, a_second_reply_to_one_request, "
                "more_results_than_calls",
            ),
            Row(
                "lying headers and lengths",
                "bounded before anything is made of them",
                "malformed_messages[huge structure], malformed_messages[huge arrays], malformed_messages[of 2^32], "
                "malformed_messages[arrays that do not follow]",
            ),
            Row("dripping bytes", "one deadline for the whole exchange", "it_meets_the_deadline"),
            Row("deep nesting", "32 levels", "malformed_messages[levels]"),
            Row("object arrays", "a list of plain dtypes", "malformed_messages[object dtype], malformed_messages[structured]"),
            Row("every other malformed message", "exact types, sizes, counts, offsets", "malformed_messages"),
            Row(
                "memory files truncated, rewritten, replaced",
                "one sealed file by the launcher; contents are copied before they are checked",
                "its_size_and_seals_stay, no_other_can_be_made, what_was_checked_is_not_changed_any_more, "
                "holes_punched_into_it_are_zeros, who_replaces_it_fails_alone, a_reply_that_says_it_is_there_and_is_not",
            ),
            Row(
                "floods of descriptors",
                "no room is offered for any",
                "a_flood_is_refused_and_nothing_of_it_stays, one_beside_an_honest_reply, descriptors_over_the_wire",
            ),
            Row(
                "NaN, infinities, bools, huge integers as a score",
                "the launcher takes finite numbers of exactly int or float",
                "values_that_are_no_scores, nonsense_is_named",
            ),
        ),
    ),
    Section(
        "Cheating the clock",
        (
            Row(
                "background threads and helper processes",
                "all processor time of the family counts; nothing starts after the first timed call",
                "threads_hide_no_work, helper_processes_hide_no_work, no_process_starts_while_it_runs, orphans_are_measured, "
                "no_cheat_in_python_gains[helper], no_cheat_in_python_gains[busy_thread]",
            ),
            Row(
                "cached results, guessed inputs",
                "fresh secret inputs in each timed call, poisoned outputs",
                "work_that_was_not_done[the first result again], no_cheat_in_c_gains[first_result], "
                "no_cheat_in_c_gains[nothing_after_warm_up], no_cheat_in_python_gains[guesses_inputs], "
                "no_cheat_in_c_gains[by_address]",
            ),
            Row(
                "work finished after the reply",
                "the bytes that arrived count; the process stands still between timed calls",
                "work_that_was_not_done[done after the reply], no_cheat_in_c_gains[detached_thread], "
                "no_cheat_in_c_gains[in_the_signal], no_cheat_in_c_gains[wakes_itself], "
                "no_cheat_in_python_gains[waiting_thread]",
            ),
            Row(
                "less precision, dropped terms",
                "every timed result is checked, in higher precision",
                "work_that_was_not_done[less precision], work_that_was_not_done[some terms left out], "
                "no_cheat_in_c_gains[truncated], no_cheat_in_c_gains[dropped_terms], no_cheat_in_c_gains[ten_bits]",
            ),
            Row(
                "tampering with inputs, moving memory about",
                "inputs lie in memory that the candidate cannot write; the judge reads outputs where it put them",
                "no_cheat_in_c_gains[tampers], no_cheat_in_c_gains[remaps_inputs], no_cheat_in_c_gains[frees_inputs], "
                "no_cheat_in_c_gains[moves_outputs]",
            ),
            Row(
                "work moved from call to call, or into requests that weigh little",
                "every request counts: the mean bounds the median, and sizes are chosen anew when calls get quicker",
                "no_cheat_in_python_gains[saves_up], no_cheat_in_python_gains[slow_at_first]",
            ),
            Row(
                "slowing the reference down",
                "it runs in another box, in turns with the candidate",
                "no_cheat_in_python_gains[reaches_out], no_cheat_in_python_gains[busy_thread]",
            ),
            Row(
                "changing the harness of its own process",
                "time is taken outside, for batches of random sizes",
                "no_cheat_in_python_gains[works_for_any_number], no_cheat_in_python_gains[patches_clocks]",
            ),
            Row("hard-coded shapes", "random shapes", "work_that_was_not_done[known shapes alone]"),
        ),
    ),
    Section(
        "While compiling",
        (
            Row(
                "includes and embedded files",
                "the compiler runs in the candidate's box",
                "the_compiler_reads_no_file_of_the_host, ways_to_read_files_do_read",
            ),
            Row("plugins of the compiler", "options are ours alone", "a_program_names_no_plugin_of_the_compiler"),
            Row("bombs of macros, templates, constants, output", "the candidate's own limits", "bombs_for_the_compiler"),
            Row(
                "constructors that run at load",
                "loaded after it gave up starting processes, behind all walls",
                "it_starts_nothing_and_reaches_no_file[load], an_endless_loop_ends[at load]",
            ),
        ),
    ),
    Section(
        "Packages and folders of problems",
        (
            Row(
                "archives that unpack without end",
                "8 GiB a file, 1 GiB of the disk stays free; a problem's folder has limits of size and number",
                "a_file_that_unpacks_without_end, files_that_leave_no_room, too_much_is_refused",
            ),
            Row(
                "`../` and absolute paths",
                "refused",
                "no_file_is_written_outside, a_folder_without_a_definition_or_with_strange_paths_or_bytes_is_refused",
            ),
            Row("links", "refused, or never made", "no_link_leads_outside, links_are_refused, links_to_folders_are_refused"),
            Row(
                "options, addresses and code for the installer",
                "names and versions alone, wheels alone, locked by hash; no secret of ours in its environment",
                "only_names_and_versions_are_accepted, our_own_secrets_do_not_reach_the_installer",
            ),
        ),
        by_tier=False,
    ),
    Section(
        "Pictures and text",
        (
            Row(
                "pictures that run or load something",
                "SVG as data of an `<img>`; no script, no form, no link, no address outside of the page",
                "the_report_holds_all_parts_and_nothing_that_runs",
            ),
            Row("HTML in reports", "escaped", "the_report_holds_all_parts_and_nothing_that_runs, marks_are_escaped"),
            Row(
                "prompts to the model in feedback",
                "quoted in a fence that nothing within closes, bounded; hidden stages are never shown",
                "nothing_closes_the_fence_around_quoted_text, feedback_is_bounded_over_all_stages, "
                "hidden_stages_are_never_shown",
            ),
            Row(
                "escapes to terminals, in logs and messages",
                "control characters are taken out where text enters; titles are no markup",
                "text_that_paints_the_terminal, numpy_scalars_count_and_text_is_cleaned, the_panel_shows_titles_as_they_are",
            ),
        ),
        by_tier=False,
    ),
)

NOT_RUN = (
    ("anything on a GPU", "no device was at hand: leases, watch and boxes were run against a driver of the tests alone"),
    (
        "CUDA within the walls",
        "whether it starts behind these system call filters and without /proc, in any tier, is not known",
    ),
    ("GPU memory hogs", "a device that does not come clean is set aside; never seen on one"),
    ("endless kernels", "a candidate is killed at its deadline; whether a device lets go of its kernel, nobody has seen"),
    ("stale GPU memory", "drivers clear memory between processes; nothing here checks it"),
    ("one device in a container", "that Docker is asked for it is tested; that it gives no other is not"),
    ("side streams, and other ways around a GPU's clock", "only processor time is measured yet"),
    ("PNG and WebP pictures", "pictures are SVG alone; nothing decodes others"),
    ("pages of the dashboard", "`tests/dashboard` opens each with such texts, in a browser that not every machine has"),
)
"""What the table does not claim, and why."""

if __name__ == "__main__":
    sys.stdout.write(" ".join(FILES))
