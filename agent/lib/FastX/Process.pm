package FastX::Process;

# Starts a program: its own session, no input, output into one pipe. Whether
# exec(2) worked is told through a second pipe that a successful exec closes,
# so that nobody has to wait for it.

use strict;
use warnings;

use Fcntl qw(F_SETFD O_RDONLY O_WRONLY);
use FastX::Loop;
use POSIX ();

# Out of a thousand: by so much of the memory limit what is expendable seems larger to the kernel.
use constant EXPENDABLE => 500;

# Options: loop, argv, environment, directory, inherit (handles that the
# program keeps), on_running, on_failed($stage, $error_number): stage is "chdir"
# or "exec"; expendable: when memory runs out, it goes before what the session cannot do
# without.
# Returns (pid, handle of its output, a function), or (undef, message). The
# function sees to it that on_running or on_failed has been called; it waits for
# the program to get that far, which one that has ended did.
sub start {
    my (%option) = @_;
    pipe my $output, my $program_output or return (undef, "no pipe: $!");
    pipe my $report, my $failure        or return (undef, "no pipe: $!");
    # A signal for the program shall not meet our handlers in it.
    $option{signals} = POSIX::SigSet->new;
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new(POSIX::SIGTERM()), $option{signals});
    my $pid   = fork;
    my $error = $!;
    if (defined $pid && !$pid) {
        my $stage = eval { _become(\%option, $program_output) } // 'exec';
        syswrite $failure, "$stage " . ($! + 0);
        POSIX::_exit(126);
    }
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), $option{signals});
    return (undef, "no process can be started: $error") if !defined $pid;
    FastX::Loop::set_nonblocking($output);
    my $loop = $option{loop};
    my $read_report = sub {
        return if !defined fileno $report;
        my $count = sysread $report, my $told, 64;
        $loop->close($report);
        my $callback = $count ? $option{on_failed} : $option{on_running};
        $callback->($count ? split / /, $told : ()) if $callback;
    };
    $loop->on_readable($report, $read_report);
    return ($pid, $output, $read_report);
}

# Runs in the child. Returns only on failure, with the stage that failed.
sub _become {
    my ($option, $output) = @_;
    # Ignored signals stay ignored through exec; the program shall not inherit ours.
    $SIG{$_} = 'DEFAULT' for qw(CHLD HUP INT PIPE TERM USR1 USR2);
    _expect_to_go_first() if $option->{expendable};
    POSIX::setsid();
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), $option->{signals});
    my $nothing = POSIX::open('/dev/null', O_RDONLY);
    POSIX::dup2($nothing, 0) if defined $nothing;
    POSIX::dup2(fileno $output, $_) for 1, 2;
    POSIX::close($nothing) if $nothing && $nothing > 2;
    fcntl $_, F_SETFD, 0 for @{ $option->{inherit} || [] };
    chdir $option->{directory} or return 'chdir' if defined $option->{directory};
    %ENV = %{ $option->{environment} };
    my @argv = @{ $option->{argv} };
    no warnings 'exec';
    exec { $argv[0] } @argv;
    return 'exec';
}

# Without CAP_SYS_RESOURCE this can be raised, never lowered. Where /proc hides it, the kernel chooses
# by size alone.
sub _expect_to_go_first {
    my $file = POSIX::open('/proc/self/oom_score_adj', O_RDONLY);
    return if !defined $file;
    my $count = POSIX::read($file, my $score, 16);
    POSIX::close($file);
    return if !$count;
    $score += EXPENDABLE;
    $score = 1000 if $score > 1000;
    $file = POSIX::open('/proc/self/oom_score_adj', O_WRONLY);
    return if !defined $file;
    POSIX::write($file, "$score", length $score);
    POSIX::close($file);
    return;
}

sub exit_code {
    my ($wait_status) = @_;
    return $wait_status & 127 ? 128 + ($wait_status & 127) : $wait_status >> 8;
}

sub signal_number {
    my ($wait_status) = @_;
    return $wait_status & 127 || undef;
}

sub describe {
    my ($wait_status) = @_;
    my $signal = signal_number($wait_status);
    return defined $signal ? "ended by signal $signal" : 'ended with exit code ' . exit_code($wait_status);
}

1;
