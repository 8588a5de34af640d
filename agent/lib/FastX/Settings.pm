package FastX::Settings;

# session.json, checked and completed. Every text in it is kept as bytes, for
# that is what paths, arguments and environments are made of.

use strict;
use warnings;

use FastX::JSON;

use constant {
    LONGEST_FILE_BYTES  => 1_048_576,
    # What the relay takes is 64 KiB; of what does not fit once it is escaped, less is sent.
    MOST_LOG_TAIL_BYTES => 49_152,
};

my %DEFAULT = (
    bundle      => '/opt/fastx/bundle',
    shell       => '/bin/sh',
    geometry    => '1280x800',
    depth       => 24,
    dpi         => 96,
    desktop     => 'FastX',
    clipboard   => 'both',
    end         => 'command',
    window_manager => 'none',
    heartbeat_seconds    => 15,
    x_start_seconds      => 20,
    relay_grace_seconds  => 30,
    stop_grace_seconds   => 10,
    report_grace_seconds => 20,
    log_tail_bytes       => 4096,
);

# The values a key may have; what does not fit is replaced by the default, so
# that a slip in a comfort setting never costs the user the session.
my %FITS = (
    geometry  => sub { $_[0] =~ /\A([0-9]{2,5})x([0-9]{2,5})\z/ && $1 <= 16_384 && $2 <= 16_384 },
    depth     => sub { $_[0] =~ /\A(?:8|16|24|32)\z/ },
    dpi       => sub { $_[0] =~ /\A[0-9]{2,3}\z/ },
    desktop   => sub { length $_[0] && length $_[0] <= 1024 },
    clipboard => sub { $_[0] =~ /\A(?:both|in|out|off)\z/ },
    window_manager => sub { $_[0] =~ /\A(?:auto|none)\z/ },
    end       => sub { $_[0] =~ /\A(?:command|windows)\z/ },
    log_tail_bytes => sub { $_[0] =~ /\A[0-9]{1,5}\z/ && $_[0] <= MOST_LOG_TAIL_BYTES },
    map { $_ => sub { $_[0] =~ /\A[0-9]{1,6}(?:\.[0-9]+)?\z/ } }
        qw(heartbeat_seconds x_start_seconds relay_grace_seconds stop_grace_seconds report_grace_seconds),
);

# Dies with a sentence. A setting that was replaced is named in {complaints}.
sub load {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path cannot be read: $!\n";
    my $count = sysread $file, my $bytes, LONGEST_FILE_BYTES;
    die "$path cannot be read: $!\n" if !defined $count;
    my ($settings, $error) = FastX::JSON::decode($bytes);
    die "$path is not JSON: $error\n" if defined $error;
    die "$path holds no object\n"     if ref $settings ne 'HASH';
    _to_bytes($settings);
    _check($settings, $path);
    return $settings;
}

sub _check {
    my ($settings, $path) = @_;
    for my $key (qw(session user home token)) {
        die "$path lacks '$key'\n" if ref $settings->{$key} || !length($settings->{$key} // '');
    }
    my $relay = $settings->{relay};
    die "$path lacks 'relay' with 'session' and 'display'\n"
        if ref $relay ne 'HASH' || grep { ref $relay->{$_} || !length($relay->{$_} // '') } qw(session display);
    die "$path: the token holds characters that a header cannot carry\n" if $settings->{token} =~ /[^\x21-\x7e]/;
    my $command = $settings->{command};
    my @words   = ref $command eq 'ARRAY' ? @$command : ($command);
    die "$path lacks 'command', a text or a list of texts\n"
        if !@words || !length($words[0] // '') || grep { !defined || ref || /\0/ } @words;
    my @complaints;
    for my $key (sort keys %DEFAULT) {
        my $value = $settings->{$key};
        if (defined $value && (ref $value || ($FITS{$key} && !$FITS{$key}->($value)))) {
            push @complaints, "$key does not fit; using $DEFAULT{$key}";
            undef $value;
        }
        $settings->{$key} = $value // $DEFAULT{$key};
    }
    $settings->{complaints} = \@complaints;
    return;
}

sub _to_bytes {
    my $kind = ref $_[0];
    if    ($kind eq 'HASH')  { _to_bytes($_) for values %{ $_[0] } }
    elsif ($kind eq 'ARRAY') { _to_bytes($_) for @{ $_[0] } }
    elsif (defined $_[0])    { utf8::encode($_[0]) }
    return;
}

1;
