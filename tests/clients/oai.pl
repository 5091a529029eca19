# Harvests an OAI-PMH provider with HTTP::OAI: `oai.pl URL PREFIX`. Prints a line for each record: its status, a tab, its identifier.
use strict;
use warnings;
use HTTP::OAI;

my ($url, $prefix) = @ARGV;
my $harvester = HTTP::OAI::Harvester->new(baseURL => $url);
# Its `next` has only what the last answer had, once all were read.
my $print = sub {
    my $header = shift->header;
    print(($header->is_deleted ? "deleted" : "live"), "\t", $header->identifier, "\n");
};
my $records = $harvester->ListRecords(metadataPrefix => $prefix, onRecord => $print);
die $records->message if $records->is_error;
