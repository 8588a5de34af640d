package FastX::Session;

# One session, from the first callback to the last:
#
#   starting ──X answers──> command starts ──and the control stream is open──> ready
#      │                         │                                              │
#      └── X fails, signal ──────┴── command ends, X dies, signal, relay ───────┤
#                                                                               v
#   ending: command TERM, KILL -> leftovers TERM, KILL -> final callback and X's end -> exit
#
# What ends a session is decided once, in {outcome}; everything after it only
# carries it out.

use strict;
use warnings;

use FastX::Callbacks;
use FastX::Command;
use FastX::CommandLine;
use FastX::Control;
use FastX::Environment;
use FastX::Forward;
use FastX::Heartbeat;
use FastX::JSON;
use FastX::Leftovers;
use FastX::Log;
use FastX::Outcome;
use FastX::Process;
use FastX::Programs;
use FastX::Viewers;

our $VERSION = '0.1.0';

use constant {
    LEFTOVERS_GRACE_SECONDS => 1,
    OUTPUT_GRACE_SECONDS    => 0.5,
    # There is little hope that a relay which never answered takes the report.
    UNREACHABLE_REPORT_SECONDS => 2,
    # Of the 64 KiB of a callback, escaped; the rest is for the message.
    LOG_TAIL_REPORT_BYTES   => 50_000,
    MOST_INTERNAL_ERRORS    => 5,
};

# Options: loop, settings, runtime (directory), xserver.
sub new {
    my ($class, %option) = @_;
    my $self = bless {%option}, $class;
    my ($loop, $settings) = @{$self}{qw(loop settings)};
    my %relay = (
        loop       => $loop,
        address    => $settings->{relay}{session},
        token      => $settings->{token},
        on_contact => sub { $self->_relay_answered },
        on_unknown => sub { $self->_forgotten },
    );
    $self->{callbacks} = FastX::Callbacks->new(%relay, on_idle => sub { $self->_finish_if_done });
    $self->{heartbeat} = FastX::Heartbeat->new(
        loop => $loop, callbacks => $self->{callbacks}, seconds => $settings->{heartbeat_seconds},
    );
    $self->{control}   = FastX::Control->new(
        %relay,
        on_open    => sub { $self->{viewers}->prefer($_[0]->header('fastx-display')); $self->_report_ready },
        on_command => sub { $self->_obey(@_) },
    );
    $self->{viewers} = FastX::Viewers->new(
        loop => $loop, address => $settings->{relay}{display}, token => $settings->{token},
    );
    my $forward = $self->{forward} = FastX::Forward->new($loop, \*STDOUT);
    $self->{programs} = FastX::Programs->new(
        loop => $loop, callbacks => $self->{callbacks}, on_output => sub { $forward->write(@_) },
    );
    return $self;
}

# Returns the exit code of the agent.
sub run {
    my ($self) = @_;
    my ($loop, $settings) = @{$self}{qw(loop settings)};
    FastX::Log::line("setting $_") for @{ $settings->{complaints} };
    for my $name (qw(TERM INT HUP)) {
        $loop->on_signal($name => sub { $self->terminate($name, $settings->{stop_grace_seconds}) });
    }
    $self->{callbacks}->send('started', agent_version => $VERSION, perl => sprintf('%vd', $^V), pid => 0 + $$);
    $self->{control}->start;
    $self->{relay_timer} = $loop->after($settings->{relay_grace_seconds}, sub { $self->_relay_unreachable });
    $self->{heartbeat}->start;
    my $errors = 0;
    while (!$self->{done}) {
        next if eval { $loop->run; 1 };
        chomp(my $error = $@);
        FastX::Log::line("internal error: $error");
        last if ++$errors > MOST_INTERNAL_ERRORS;
        $self->_end(FastX::Outcome::internal_error($error));
    }
    return $self->{outcome}{agent_exit_code};
}

sub display_ready {
    my ($self, $display) = @_;
    return if $self->{outcome} || $self->{terminating};
    $self->{display} = $display;
    FastX::Log::line("display $display ready");
    $self->{viewers}->admit_to($self->{xserver}->rfb_path);
    $self->_end_with_windows if $self->{settings}{end} eq 'windows';
    $self->{environment} = FastX::Environment::for_command(
        $self->{settings}, $self->{runtime}, $display, $self->{xserver}->xauthority,
    );
    return $self->_start_command if $self->{settings}{window_manager} eq 'none';
    return $self->_manage_windows(sub { $self->_start_command if !$self->{outcome} && !$self->{terminating} });
}

sub _manage_windows {
    my ($self, $on_ready) = @_;
    require FastX::WindowManager;
    $self->{window_manager} = FastX::WindowManager->new(
        directory  => FastX::Environment::private_directory($self->{runtime}),
        xauthority => $self->{xserver}->xauthority,
        map { $_ => $self->{$_} } qw(loop settings display),
    );
    return $self->{window_manager}->start($self->{environment}{PATH}, $on_ready);
}

sub _end_with_windows {
    my ($self) = @_;
    require FastX::LastWindow;
    $self->{last_window} = FastX::LastWindow->watch(
        loop    => $self->{loop},
        display => $self->{display},
        xserver => $self->{xserver},
        on_end  => sub { $self->_end($_[0] // FastX::Outcome::exited(0)) if !$self->{terminating} },
    );
    return;
}

sub display_failed {
    my ($self, $message, $exit_code) = @_;
    return $self->_end(FastX::Outcome::x_server_failed($message, $self->{xserver}->log_text, $exit_code));
}

# Something that every session needs is not there.
sub cannot_start {
    my ($self, $problem) = @_;
    return $self->_end(FastX::Outcome::not_set_up($problem));
}

# The same for a signal and for the relay's command; a second signal has no patience left.
sub terminate {
    my ($self, $signal, $grace_seconds) = @_;
    my $command = $self->{command};
    if ($self->{terminating}++ || $self->{outcome} || $self->{judging}) {
        $command->kill_now if $command;
        return;
    }
    FastX::Log::line("ending on $signal");
    return $command->terminate($grace_seconds) if $command && $command->is_running;
    return $self->_end(FastX::Outcome::signalled($signal));
}

sub _start_command {
    my ($self) = @_;
    my $settings = $self->{settings};
    my $command  = $settings->{command};
    my $directory = length($settings->{working_dir} // '') ? $settings->{working_dir} : $settings->{home};
    my $environment = $self->{environment};
    $self->{programs}->run_in($environment, $directory);
    if (!ref $command) {
        my $missing = FastX::CommandLine::missing_program($command, $environment->{PATH}, $directory);
        return $self->_command_not_found($missing) if defined $missing && -d $directory;
    }
    $self->{command} = FastX::Command->new(
        loop        => $self->{loop},
        argv        => ref $command ? $command : [ '/bin/sh', '-c', $command ],
        environment => $environment,
        directory   => $directory,
        tail_bytes  => $settings->{log_tail_bytes},
        on_output   => sub { $self->{forward}->write(@_) },
        on_running  => sub { $self->{command_running} = 1; $self->_report_ready },
        on_failed   => sub { $self->_command_failed($directory, @_) },
        on_exit     => sub { $self->_command_exited(@_) },
    );
    $self->{command}->start;
    return;
}

sub _command_failed {
    my ($self, $directory, $stage, $errno) = @_;
    local $! = $errno;
    # This session was being ended for a reason of its own before the command ran.
    return $self->_clear_leftovers if $self->{outcome};
    return $self->_end(FastX::Outcome::directory_unusable($directory, "$!")) if $stage eq 'chdir';
    my $command = $self->{settings}{command};
    return $self->_command_not_found(ref $command ? $command->[0] : '/bin/sh', "$!");
}

sub _command_not_found {
    my ($self, $program, $why) = @_;
    my $path = $ENV{PATH} // FastX::CommandLine::DEFAULT_PATH;
    return $self->_end(FastX::Outcome::command_not_found($program, $path, $why));
}

sub _command_exited {
    my ($self, $wait_status) = @_;
    FastX::Log::line('command ' . FastX::Process::describe($wait_status));
    return $self->_clear_leftovers if $self->{outcome};
    my $xserver = $self->{xserver};
    # Clients that lose their display fail, and may be reaped before the server is.
    return $self->_judge($wait_status) if $self->{terminating} || (!$wait_status && $xserver->pid);
    $self->{judging} = 1;
    return $xserver->check(sub { $self->_judge($wait_status) });
}

# The display did not end it.
sub _judge {
    my ($self, $wait_status) = @_;
    my $code = FastX::Process::exit_code($wait_status);
    if ($code == 127 && !ref $self->{settings}{command} && !$self->{terminating}) {
        my $command = $self->{command};
        $command->drain_output;
        return $self->_command_not_found(
            FastX::CommandLine::not_found_program($self->{settings}{command}, $command->tail_text),
            'the shell answered 127');
    }
    my $outcome = FastX::Outcome::exited($code, FastX::Process::signal_number($wait_status));
    my $last_window = $self->{last_window};
    return if $last_window && !$code && !$self->{terminating} && $last_window->outlives($outcome);
    return $self->_end($outcome);
}

sub _report_ready {
    my ($self) = @_;
    return if $self->{ready} || $self->{outcome} || !$self->{command_running} || !$self->{control}->is_open;
    $self->{ready} = 1;
    $self->{callbacks}->send('ready', display => $self->{display}, geometry => $self->{settings}{geometry});
    return;
}

sub _relay_answered {
    my ($self) = @_;
    $self->{loop}->cancel(delete $self->{relay_timer});
    return;
}

sub _relay_unreachable {
    my ($self) = @_;
    $self->{settings}{report_grace_seconds} = UNREACHABLE_REPORT_SECONDS
        if $self->{settings}{report_grace_seconds} > UNREACHABLE_REPORT_SECONDS;
    return $self->_end(FastX::Outcome::relay_unreachable(
        $self->{settings}{relay}{session}, $self->{settings}{relay_grace_seconds}));
}

# The relay answered that there is no such session: nobody waits for a report.
sub _forgotten {
    my ($self) = @_;
    $self->{callbacks}->close;
    $self->{forgotten} = 1;
    $self->_end(FastX::Outcome::unknown_session());
    $self->_finish_if_done;
    return;
}

sub _obey {
    my ($self, $command) = @_;
    my $type = $command->{type};
    return $self->{viewers}->open(@{$command}{qw(stream descriptor)}) if $type eq 'open_display';
    return $self->{programs}->start($command)         if $type eq 'exec';
    return $self->{heartbeat}->send                   if $type eq 'ping';
    if ($type eq 'terminate') {
        my $grace = $command->{grace_seconds} // '';
        return $self->terminate('TERM',
            !ref $grace && $grace =~ /\A[0-9]{1,6}(?:\.[0-9]+)?\z/ ? $grace : $self->{settings}{stop_grace_seconds});
    }
    return FastX::Log::line("command of unknown type '$type' ignored");
}

sub _end {
    my ($self, $outcome) = @_;
    return if $self->{outcome};
    $self->{outcome} = $outcome;
    FastX::Log::line("failed: $outcome->{reason}: $outcome->{message}") if defined $outcome->{reason};
    $self->{heartbeat}->stop;
    $self->{loop}->cancel(delete $self->{relay_timer});
    my $command = $self->{command};
    return $command->terminate($self->{settings}{stop_grace_seconds}) if $command && $command->is_running;
    return $self->_clear_leftovers;
}

sub _clear_leftovers {
    my ($self) = @_;
    return if $self->{clearing}++;
    $self->{programs}->admit_no_more;
    my $command = $self->{command};
    my @groups  = ($command ? $command->group : (), $self->{programs}->groups);
    my $x_pid   = $self->{xserver} && $self->{xserver}->pid;
    FastX::Leftovers::end(
        loop          => $self->{loop},
        find          => sub { FastX::Leftovers::find($self->{settings}{session}, \@groups, [ $x_pid // () ]) },
        grace_seconds => LEFTOVERS_GRACE_SECONDS,
        on_done       => sub { $self->{programs}->close(sub { $self->_report_end }) },
    );
    return;
}

sub _report_end {
    my ($self) = @_;
    my ($loop, $outcome, $command) = @{$self}{qw(loop outcome command)};
    $command->close_output if $command;
    $self->{reporting} = 1;
    $loop->after($self->{settings}{report_grace_seconds}, sub {
        FastX::Log::line("the final callback was not delivered") if !$self->{callbacks}->is_idle;
        $self->_finish;
    });
    $loop->after(OUTPUT_GRACE_SECONDS, sub { $self->{output_given_up} = 1; $self->_finish_if_done });
    $self->{viewers}->close;
    $self->{last_window}->close   if $self->{last_window};
    $self->{window_manager}->stop if $self->{window_manager};
    my $stopped = sub { $self->{x_stopped} = 1; $self->_finish_if_done };
    $self->{xserver} ? $self->{xserver}->stop($stopped) : $stopped->();
    if (!$self->{forgotten}) {
        my %fields = %$outcome;
        delete @fields{qw(type agent_exit_code)};
        $fields{log_tail} //= $command ? $command->tail_text : '';
        $fields{log_tail} = FastX::JSON::end_within($fields{log_tail}, LOG_TAIL_REPORT_BYTES);
        $self->{callbacks}->send($outcome->{type}, %fields);
    }
    return;
}

sub _finish_if_done {
    my ($self) = @_;
    return if !$self->{reporting} || !$self->{x_stopped} || !$self->{callbacks}->is_idle;
    $self->_finish if $self->{output_given_up} || $self->{forward}->is_empty;
    return;
}

sub _finish {
    my ($self) = @_;
    $self->{done} = 1;
    $self->{control}->close;
    $self->{callbacks}->close;
    $self->{loop}->stop;
    return;
}

1;
