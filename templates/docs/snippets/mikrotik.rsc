/system script add name=ping-earlywatch source={
    :local sent false
    :foreach wait in={0s;2s;8s} do={
        :if (!$sent) do={
            :delay $wait
            :do {
                /tool fetch url="{{ ping_url }}" output=none duration=10s
                :set sent true
            } on-error={}
        }
    }
    :if (!$sent) do={ :log warning "ping failed" }
}
/system scheduler add name=ping-earlywatch interval=10m on-event=ping-earlywatch
