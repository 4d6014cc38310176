#!/usr/bin/env bash
# Builds the two images of the project and gives them, with the images named, to each node: `load.sh DIRECTORY [IMAGE...]`.
source "$(dirname "$0")/common.sh"
shift
root=$(cd "$HERE/../../.." && pwd)
export DOCKER_BUILDKIT=1
images=("$@")
for target in model_server predict_api; do
    docker build --quiet --file "$root/deploy/Dockerfile" --target "$target" --tag "changeover/$target:cluster" "$root" >/dev/null ||
        fail "the image of $target cannot be built"
    images+=("changeover/$target:cluster")
done
for name in $(nodes); do
    docker save "${images[@]}" | ctr_of "$name" images import - >/dev/null
done
# The layers are in the build cache and on the nodes.
docker rmi changeover/model_server:cluster changeover/predict_api:cluster >/dev/null
